"""The `clinic bureau` group: what the county health bureau runs."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from clinic_records.errors import ConfigError
from cloud_hospital.bureau.client import pages
from cloud_hospital.bureau.table import statement_line, statement_words, write_csv, write_ndjson
from cloud_hospital.feed.pull import Pull

app = typer.Typer(no_args_is_help=True)

INCOMPLETE = 4
"""Exit code with --require-complete while anything is missing or unknown."""


class Format(StrEnum):
    """How rows are written."""

    CSV = "csv"
    NDJSON = "ndjson"


@app.callback()
def bureau() -> None:
    """The county health bureau: pull what is new, with a statement of what is still missing."""


@app.command()
def pull(
    url: Annotated[str, typer.Option(help="The hospital's address, for example http://127.0.0.1:8090.")],
    token_file: Annotated[Path, typer.Option(help="File with the token the hospital gave.")],
    since: Annotated[str, typer.Option(help="Cursor of the last pull; 0 = from the beginning.")] = "0",
    form: Annotated[Format, typer.Option("--format", help="Rows as CSV or NDJSON.")] = Format.CSV,
    require_complete: Annotated[
        bool, typer.Option("--require-complete", help="Exit 4 if anything is missing.")
    ] = False,
) -> None:
    """Rows to stdout; the next cursor and what every vehicle still owes to stderr."""
    try:
        token = token_file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"--token-file {token_file}: {error.strerror}") from None
    last: Pull | None = None
    for page in pages(url, token, since):
        if form is Format.CSV:
            write_csv(page.rows, sys.stdout, with_header=last is None)
        else:
            write_ndjson(page.rows, sys.stdout)
        last = page
    if last is None:
        return
    if form is Format.NDJSON:
        print(statement_line(last.statement, last.next))
    sys.stdout.flush()
    for said in last.statement:
        print(statement_words(said), file=sys.stderr)
    print(f"下次从 next cursor: {last.next}", file=sys.stderr)
    if require_complete and not all(said.is_complete for said in last.statement):
        raise typer.Exit(INCOMPLETE)
