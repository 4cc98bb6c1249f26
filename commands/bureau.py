"""The `clinic bureau` group."""

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def bureau() -> None:
    """The `clinic bureau` group."""
