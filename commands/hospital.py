"""The `clinic hospital` group."""

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def hospital() -> None:
    """The `clinic hospital` group."""
