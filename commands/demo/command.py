"""The `clinic demo` command."""

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from clinic_records.errors import ConfigError
from commands.demo.lab import Lab, keep_notice
from commands.demo.proof import proof_line
from commands.demo.scenario import day
from commands.demo.tell import Teller

app = typer.Typer()


@app.callback(invoke_without_command=True)
def demo(
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Leave all data in DIR and print how to open both pages on it.")
    ] = None,
) -> None:
    """One clinic day on this machine: devices, no coverage, coverage, hospital, bureau's table."""
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise ConfigError(f"{keep} is not empty; give a new folder")
    root = Path(tempfile.mkdtemp(prefix="clinic-")) if keep is None else keep.resolve()
    tell = Teller()
    lab = Lab(root, up_bits_per_s=1e6, down_bits_per_s=4e6)
    try:
        tell.chapter("A hospital and a vehicle are made on this machine; every part is a process of its own")
        lab.set_up()
        tell.line(f"hospital in {lab.hospital_dir}: broker, intake, pages; vehicle V01 enrolled, its keys exchanged")
        compared = day(lab, tell)
    finally:
        lab.tear_down()
        if keep is None:
            shutil.rmtree(root, ignore_errors=True)
    if keep is not None:
        lab.take_link_away()
        tell.block(keep_notice(lab))
    tell.block(proof_line(compared))
    if not compared.is_same:
        raise typer.Exit(1)
