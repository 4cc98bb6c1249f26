"""The `clinic demo` command."""

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def demo() -> None:
    """One clinic day on this machine."""
