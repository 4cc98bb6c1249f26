"""The `clinic sync` group."""

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def sync() -> None:
    """The `clinic sync` group."""
