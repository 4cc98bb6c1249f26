"""`clinic hospital keys`: list, rotate, escrow and restore the hospital's own keys."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from clinic_records.clock import SystemClock, from_ms
from cloud_hospital.escrow import restore_keys, rotate, write_escrow
from cloud_hospital.keys import KeyFile
from cloud_hospital.settings import HospitalSettings, folder_of
from sync.keys import OriginKeys, RecipientPrivate

app = typer.Typer(no_args_is_help=True)

Directory = Annotated[Path, typer.Argument(metavar="DIR", help="The hospital's folder.")]
Passphrase = Annotated[bool, typer.Option("--passphrase-stdin", help="Read the passphrase as one line from stdin.")]


class Listed(msgspec.Struct, frozen=True):
    """One pair, its public halves only."""

    number: int
    sign_public: str
    key_id: str
    made: str
    escrowed: str | None


@app.callback()
def keys() -> None:
    """The hospital's own keys; without an escrow copy a lost disk makes everything sealed unreadable."""


@app.command("list")
def list_keys(directory: Directory, as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """The pairs, newest first: which vehicles seal to now, and which have an escrow copy."""
    found = [
        Listed(
            pair.number,
            OriginKeys.from_bytes(pair.sign).public.raw.hex()[:16],
            RecipientPrivate.from_bytes(pair.box).key_id,
            from_ms(pair.made_ms).isoformat(),
            from_ms(pair.escrowed_ms).isoformat() if pair.escrowed_ms else None,
        )
        for pair in KeyFile.load(folder_of(directory)).pairs
    ]
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    for each in found:
        escrow = (
            f"escrow copy {each.escrowed}" if each.escrowed else "NO ESCROW COPY: run `clinic hospital keys escrow`"
        )
        print(f"{each.number}  signs {each.sign_public}  sealed to {each.key_id}  made {each.made}  {escrow}")


@app.command("rotate")
def rotate_keys(
    directory: Directory,
    escrow: Annotated[Path, typer.Option(metavar="FILE", help="The new escrow copy: a file outside DIR.")],
    passphrase_stdin: Passphrase = False,
) -> None:
    """Make new keys, write the escrow copy, then publish them; vehicles learn them at their next greeting."""
    folder = folder_of(directory)
    settings = HospitalSettings.load(folder)
    made = rotate(folder, settings.id, escrow, _passphrase(is_stdin=passphrase_stdin), SystemClock().now())
    print(f"key pair {made.number} is published, its escrow copy is {escrow}", file=sys.stderr)


@app.command("escrow")
def escrow_keys(
    directory: Directory,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The escrow copy: a new file outside DIR.")],
    passphrase_stdin: Passphrase = False,
) -> None:
    """Write a copy of all keys under a passphrase; keep it where neither fire nor thief finds both."""
    folder = folder_of(directory)
    settings = HospitalSettings.load(folder)
    made = write_escrow(folder, settings.id, out, _passphrase(is_stdin=passphrase_stdin), SystemClock().now())
    print(f"{out}: key pairs {', '.join(map(str, made.numbers))}", file=sys.stderr)


@app.command("restore")
def restore(
    directory: Directory,
    source: Annotated[Path, typer.Argument(metavar="FILE", help="The escrow copy.")],
    passphrase_stdin: Passphrase = False,
) -> None:
    """Bring the keys back after hospital.key was lost; keys that are there are never overwritten."""
    folder = folder_of(directory)
    settings = HospitalSettings.load(folder)
    back = restore_keys(folder, settings.id, source, _passphrase(is_stdin=passphrase_stdin), SystemClock().now())
    print(f"{len(back.pairs)} key pairs are back; the newest is number {back.number}", file=sys.stderr)


def _passphrase(*, is_stdin: bool) -> str:
    if is_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("Passphrase", hide_input=True))
