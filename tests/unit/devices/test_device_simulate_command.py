"""What `clinic device simulate line` says to somebody who named the wrong device or no place."""

import pytest
from typer.testing import CliRunner

from commands.device import app


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["line", "bone-table", "--link", "x"], "copy a file into its folder"),
        (["line", "xray-dr", "--link", "x"], "lists the DICOM devices"),
        (["line", "barcode-keyboard", "--link", "x"], "type into the page"),
        (["line", "chemistry-hl7"], "--connect HOST:PORT"),
        (["line", "glucose-taidoc"], "--link PATH"),
        (["line", "glucose-taidoc", "--link", "x", "--connect", "y"], "--link PATH"),
        (["imaging", "ecg-scp", "--port", "1"], "is none of"),
    ],
)
def test_wrong_use_is_told_with_the_remedy(arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(app, ["simulate", *arguments], env={"COLUMNS": "200"})
    assert done.exit_code == 2
    assert said in done.output
