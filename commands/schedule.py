"""The `clinic schedule` group."""

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def schedule() -> None:
    """The `clinic schedule` group."""
