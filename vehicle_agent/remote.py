"""What may be asked over the control socket: an explicit table of the desk's methods.

A method that writes takes `staff` instead of `author`: somebody who has logged in on this agent since it started.
"""

import inspect
from collections.abc import Mapping
from typing import Any, Final, get_type_hints

import msgspec

from clinic_records.errors import AccessError, RefusedInput
from clinic_records.people import Author
from vehicle_agent.control import Command
from vehicle_agent.visits.desk import Desk

METHODS: Final = (
    "people", "today", "search", "patient", "register", "open_stop", "close_stop", "open_encounter", "encounter",
    "finish", "devices", "arm", "disarm", "unbound", "bind", "reject", "mark_urgent", "recording", "quarantine",
    "picture", "sync_status", "worklist",
)  # fmt: skip
"""Methods of Desk by name; `login` is apart, because it makes the session."""

RAW_LIMIT: Final = 1024 * 1024
"""Raw bytes given in one answer: an ECG has some 100 KB."""


class Remote:
    """The desk as commands, with who has logged in."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._logged_in: dict[str, Author] = {}

    def commands(self) -> dict[str, Command]:
        """Name -> command, for a ControlServer."""
        table = {name: self._command(name) for name in METHODS}
        return table | {"login": self._login, "raw": self._raw}

    async def _login(self, args: Mapping[str, Any]) -> Author:
        wanted = {"staff": args.get("staff"), "pin": args.get("pin")}
        author = await self._desk.login(**msgspec.convert(wanted, dict[str, str]))
        self._logged_in[author.staff] = author
        return author

    async def _raw(self, args: Mapping[str, Any]) -> bytes:
        """Small raw bytes in one answer; large ones are a page's download."""
        blob = await self._desk.raw(str(args.get("sha256", "")))
        if blob.size > RAW_LIMIT:
            raise RefusedInput(f"{blob.size} bytes are too many for one line, at most {RAW_LIMIT}; open its page")
        return b"".join([piece async for piece in blob.pieces])

    def author(self, staff: object) -> Author:
        """Who has logged in under this id. Raises AccessError: nobody has since the agent started."""
        author = self._logged_in.get(str(staff))
        if author is None:
            raise AccessError(f"staff {staff!r} has not logged in on this agent since it started")
        return author

    def _command(self, name: str) -> Command:
        method = getattr(self._desk, name)
        hints = get_type_hints(getattr(Desk, name))
        parameters = inspect.signature(method).parameters
        wanted = [each for each in parameters if each != "author"]
        needed = {each for each in wanted if parameters[each].default is inspect.Parameter.empty}

        async def run(args: Mapping[str, Any]) -> object:
            given = dict(args)
            values: dict[str, Any] = {"author": self.author(given.pop("staff", ""))} if "author" in hints else {}
            if not needed <= set(given) <= set(wanted):
                raise RefusedInput(
                    f"{name} takes {', '.join(wanted) or 'nothing'}; given: {', '.join(given) or 'nothing'}"
                )
            for key, value in given.items():
                values[key] = msgspec.convert(value, hints[key])
            return await method(**values)

        return run
