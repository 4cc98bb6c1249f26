"""`clinic device decode FILE`: what a device's file says, as JSON or CSV on standard output."""

import csv
import json
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from clinic_records.errors import BadFrame, Hint, RefusedInput
from recordings.decode import MAX_BYTES, decode_all
from recordings.export import as_data, table
from recordings.signal import DecodedRecording

_AGAIN: Final = Hint("请从设备重新导出这个文件。", "Let the device write the file again.")


def decode_command(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="a file a device wrote")],
    json_: Annotated[bool, typer.Option("--json", help="everything, as one JSON object")] = False,
    csv_: Annotated[bool, typer.Option("--csv", help="the samples: a header, then one row a sample")] = False,
) -> None:
    """Decode a device's file of any format we read; a file with several recordings gives them under `recordings`."""
    if json_ == csv_:
        raise typer.BadParameter("say either --json or --csv")
    found = _decoded(file)
    if json_:
        data = [as_data(one) for one in found]
        whole = data[0] if len(data) == 1 else {"format": found[0].format, "recordings": data}
        json.dump(whole, sys.stdout, ensure_ascii=False, allow_nan=False)
        sys.stdout.write("\n")
        return
    writer = csv.writer(sys.stdout, lineterminator="\n")
    try:
        for one in found:
            writer.writerows(table(one))
    except RefusedInput as error:
        raise RefusedInput(f"{file}: {error}", hint=error.hint) from None


def _decoded(file: Path) -> tuple[DecodedRecording, ...]:
    size = file.stat().st_size
    if size > MAX_BYTES:
        raise RefusedInput(f"{file}: {size} bytes, more than a recording can have ({MAX_BYTES})", hint=_AGAIN)
    try:
        return decode_all(file.read_bytes(), file.name)
    except BadFrame as error:
        raise BadFrame(f"{file}: {error}", hint=_hint(error)) from error
    except RefusedInput as error:
        raise RefusedInput(f"{file}: {error}", hint=_hint(error)) from error


def _hint(error: RefusedInput) -> Hint:
    """What is refused on a vehicle goes to quarantine; here the file stays where it is."""
    return _AGAIN if error.hint == RefusedInput.default_hint else error.hint
