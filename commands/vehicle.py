"""The `clinic vehicle` group."""

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def vehicle() -> None:
    """The `clinic vehicle` group."""
