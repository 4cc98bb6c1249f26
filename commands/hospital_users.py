"""The `clinic hospital user` group: who signs in at the hospital, with which role."""

import sys
from typing import Annotated

import msgspec
import typer

from clinic_records.people import Author, Role
from cloud_hospital.hospital import open_hospital
from cloud_hospital.users import add_user, disable_user, enable_user, list_users, set_password, set_role
from commands.hospital_folder import Directory

app = typer.Typer(no_args_is_help=True)

Staff = Annotated[str, typer.Argument(metavar="STAFF", help="Staff id: a-z, 0-9, '-', '_'; for example s001.")]
RoleOption = Annotated[Role, typer.Option(help="What this person does.")]
PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password as one line from stdin.")]


@app.callback()
def user() -> None:
    """People of the hospital and staff of the vehicles."""


@app.command()
def add(
    directory: Directory,
    staff: Staff,
    name: Annotated[str, typer.Option(help="Their name.")],
    role: RoleOption,
    password_stdin: PasswordStdin = False,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="Known, but never signs in here: staff of the vehicles.")
    ] = False,
) -> None:
    """Open an account; asks for its password."""
    password = "" if no_password else _password(staff, is_stdin=password_stdin)
    with open_hospital(directory) as opened:
        add_user(opened, Author(staff, name, role), password)
    print(f"{staff} {name} ({role}) added", file=sys.stderr)


@app.command("list")
def show(directory: Directory, as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Every account with its role and whether it opens the pages."""
    with open_hospital(directory) as opened:
        found = list_users(opened)
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    for each in found:
        state = "disabled" if each.is_disabled else "signs in" if each.can_sign_in else "no password"
        print(f"{each.staff}  {each.name}  {each.role}  {state}")


@app.command()
def disable(
    directory: Directory,
    staff: Staff,
    why: Annotated[str, typer.Option(help="The reason, kept with the account's history.")],
) -> None:
    """Close an account: nobody signs in with it, and its open sessions end."""
    with open_hospital(directory) as opened:
        disable_user(opened, staff, why)
    print(f"{staff} disabled", file=sys.stderr)


@app.command()
def enable(directory: Directory, staff: Staff) -> None:
    """Open a disabled account again."""
    with open_hospital(directory) as opened:
        enable_user(opened, staff)
    print(f"{staff} enabled", file=sys.stderr)


@app.command()
def role(directory: Directory, staff: Staff, role: Annotated[Role, typer.Argument(help="The new role.")]) -> None:
    """Give somebody another role; sessions open now follow at once."""
    with open_hospital(directory) as opened:
        set_role(opened, staff, role)
    print(f"{staff} is {role} now", file=sys.stderr)


@app.command()
def password(directory: Directory, staff: Staff, password_stdin: PasswordStdin = False) -> None:
    """Give somebody a new password."""
    fresh = _password(staff, is_stdin=password_stdin)
    with open_hospital(directory) as opened:
        set_password(opened, staff, fresh)
    print(f"{staff} has a new password", file=sys.stderr)


def _password(staff: str, *, is_stdin: bool) -> str:
    if is_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt(f"password of {staff}", hide_input=True, confirmation_prompt=True))
