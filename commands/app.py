"""Mounts the command groups; a group's module is imported only when it is used."""

import os
import resource
import sys
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup

from clinic_records.errors import ClinicError

GROUPS: Final[dict[str, str]] = {
    "demo": "commands.demo.command",
    "vehicle": "commands.vehicle",
    "hospital": "commands.hospital",
    "device": "commands.device",
    "schedule": "commands.schedule",
    "sync": "commands.sync",
    "bureau": "commands.bureau",
}
"""Name on the command line -> the module whose `app` it is."""


class _LazyGroups(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        del ctx
        return list(GROUPS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        del ctx
        if cmd_name not in GROUPS:
            return None
        command = typer.main.get_command(import_module(GROUPS[cmd_name]).app)
        command.name = cmd_name
        return command


app = typer.Typer(cls=_LazyGroups, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)


@app.callback()
def clinic() -> None:
    """Software of a mobile clinic vehicle and of the cloud hospital behind it."""


def run() -> None:
    """Run the command line; one of our errors becomes one clear message, its hint and its exit code.

    Whatever we write is for its owner alone, and no crash leaves keys and patients in a core file; programs started
    from here inherit both.
    """
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        app()
    except ClinicError as error:
        print(f"clinic: {error}\n  {error.hint.zh}\n  {error.hint.en}", file=sys.stderr)
        sys.exit(error.exit_code)
