"""The `clinic device` group."""

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def device() -> None:
    """The `clinic device` group."""
