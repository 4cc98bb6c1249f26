"""The `clinic hospital token` group: make, list and withdraw what the bureau calls with."""

import sys
from typing import Annotated, Any

import msgspec
import typer
from typer.core import TyperGroup

from cloud_hospital.hospital import open_hospital
from cloud_hospital.tokens import Purpose, list_tokens, make_token, withdraw_token
from commands.hospital_folder import Directory


class _MakeByDefault(TyperGroup):
    """`token H --purpose statutory` means `token make H --purpose statutory`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        is_named = not args or args[0] in self.commands or args[0] == "--help"
        return super().parse_args(ctx, args if is_named else ["make", *args])


app = typer.Typer(no_args_is_help=True, cls=_MakeByDefault)


@app.callback()
def token() -> None:
    """Tokens of the bureau's interface; `token H --purpose P` makes one."""


@app.command()
def make(
    directory: Directory,
    purpose: Annotated[Purpose, typer.Option(help="statutory: identified; analytic: pseudonyms.")],
    holder: Annotated[str, typer.Option("--for", metavar="WHOM", help="Whom it is given to.")] = "",
) -> None:
    """Print a new token; only its hash is kept."""
    with open_hospital(directory) as opened:
        print(make_token(opened.engine, purpose, opened.now(), holder=holder))


@app.command("list")
def show(directory: Directory, as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Every token ever made: its id, purpose, holder and state; never the token itself."""
    with open_hospital(directory) as opened:
        found = list_tokens(opened.engine, opened.now())
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    for each in found:
        used = f"last pull {each.last_pull_at:%F %R}Z" if each.last_pull_at else "no pull"
        state = f"{each.state}: {each.why}" if each.why else each.state
        print(f"{each.id}  {each.purpose}  {each.holder or '-'}  until {each.expires_at:%F}  {used}  {state}")


@app.command()
def withdraw(
    directory: Directory,
    which: Annotated[str, typer.Argument(metavar="ID", help="Its id, see `list`; '-' reads the token from stdin.")],
    why: Annotated[str, typer.Option(help="The reason, kept with it.")],
) -> None:
    """Refuse a token from now on: pulls with it and the pages it opened."""
    named = sys.stdin.readline().strip() if which == "-" else which
    with open_hospital(directory) as opened:
        withdraw_token(opened.engine, named, why, opened.now())
    print("withdrawn; its next use is refused", file=sys.stderr)
