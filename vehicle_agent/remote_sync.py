"""Commands of the control socket about the way to the hospital and about what was set aside."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from clinic_records.errors import RefusedInput
from clinic_records.ids import RecordId
from clinic_records.people import Author
from vehicle_agent.control import Command
from vehicle_agent.explain import Journey, explain
from vehicle_agent.remote import RAW_LIMIT
from vehicle_agent.store.audit import ChainCheck, check_chains
from vehicle_agent.store.outgoing import Outgoing
from vehicle_agent.store.vault import Vault
from vehicle_agent.visits.desk import Desk
from vehicle_agent.visits.quarantine_desk import task_number


class RemoteSync:
    """What `clinic sync` asks of a running agent."""

    def __init__(
        self, desk: Desk, vault: Vault, up: Outgoing, *, author: Callable[[object], Author], notify: Callable[[], None]
    ) -> None:
        """`author` finds who has logged in; `notify` tells the courier of new rows."""
        self._desk = desk
        self._vault = vault
        self._up = up
        self._author = author
        self._notify = notify

    def commands(self) -> dict[str, Command]:
        """Name -> command, for a ControlServer."""
        return {
            "explain": self._explain,
            "resend": self._resend,
            "audit": self._audit,
            "urgent": self._urgent,
            "phoned": self._phoned,
            "quarantine_raw": self._raw,
            "quarantine_close": self._close,
            "quarantine_retry": self._retry,
        }

    async def _explain(self, args: Mapping[str, Any]) -> list[Journey]:
        thing = str(args.get("thing", ""))
        return await asyncio.to_thread(self._vault.store.read, lambda conn: explain(conn, self._up, thing))

    async def _audit(self, _: Mapping[str, Any]) -> ChainCheck:
        return await asyncio.to_thread(self._vault.store.read, check_chains)

    async def _resend(self, args: Mapping[str, Any]) -> int:
        try:
            since = datetime.fromisoformat(str(args.get("since", "")))
        except ValueError as error:
            raise RefusedInput(f"since: {error}") from None
        if since.tzinfo is None:
            raise RefusedInput("since: give it with its zone")
        count = await asyncio.to_thread(self._up.reopen_since, since)
        self._notify()
        return count

    async def _urgent(self, _: Mapping[str, Any]) -> object:
        return await self._desk.urgent()

    async def _phoned(self, args: Mapping[str, Any]) -> None:
        recording, note = RecordId(str(args.get("recording", ""))), str(args.get("note", ""))
        await self._desk.phoned(recording, note, self._author(args.get("staff")))

    async def _raw(self, args: Mapping[str, Any]) -> bytes:
        found = await self._desk.aside.find(_task(args))
        blob = await self._desk.raw(found.blob)
        if blob.size > RAW_LIMIT:
            raise RefusedInput(f"{blob.size} bytes are too many for one line, at most {RAW_LIMIT}; open its page")
        return b"".join([piece async for piece in blob.pieces])

    async def _close(self, args: Mapping[str, Any]) -> None:
        await self._desk.aside.close(_task(args), str(args.get("note", "")), self._author(args.get("staff")))

    async def _retry(self, args: Mapping[str, Any]) -> None:
        await self._desk.aside.retry(_task(args), self._author(args.get("staff")))


def _task(args: Mapping[str, Any]) -> int:
    return task_number(str(args.get("task", "")))
