"""The first argument of every `clinic hospital` command."""

from pathlib import Path
from typing import Annotated

import typer

Directory = Annotated[Path, typer.Argument(metavar="DIR", help="The hospital's folder.")]
