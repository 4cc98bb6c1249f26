"""Planted bugs: each switches one rule of the product off, inside a block; the judge must notice in some world.

The product's own code is patched, never a copy of it. The rule is the law of the design or the number of the sync
hazard whose defence is taken away.
"""

import itertools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from unittest.mock import PropertyMock, patch

import msgspec
from sqlalchemy import Connection, delete, insert, select

from benchmarks.simulation import days
from benchmarks.simulation.disasters import clone_box, restore_box, restore_hospital, revoke_vehicle
from benchmarks.simulation.faults import (
    Fault,
    bad_broker,
    bad_evening,
    cut,
    forging,
    kill_box,
    kill_hospital,
    slow,
    strangers,
)
from clinic_records.record import Kind, Lane
from cloud_hospital.epoch import EpochLog
from cloud_hospital.feed import sequencer
from cloud_hospital.intake import transfers
from cloud_hospital.intake.apply import Applying
from cloud_hospital.intake.outbound import VehicleOutbound
from cloud_hospital.store.tables import feed, feed_pending
from sync import admission, courier, reception, sender
from sync.admission import Admission
from sync.courier import VehicleCourier
from sync.envelope import Front
from sync.exchange import Exchange
from sync.frames import Receipts, SessionMessage, Signed
from sync.keys import OriginPublic, Verifier
from sync.pace import Pace
from sync.packing import unpack
from sync.ports import Ranges, Receipt, SessionState, Verdict, WireItem
from sync.sender import Sender
from vehicle_agent.store.merge import table
from vehicle_agent.store.merge.plain import keep
from vehicle_agent.store.outbox import STATES
from vehicle_agent.store.outgoing import Outgoing
from vehicle_agent.store.sealer import Sealer
from vehicle_agent.store.spool import Sessions

Change = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Planted:
    """One bug: what it takes away, the patches that do, and the faults its hunting grounds are sure to have."""

    name: str
    rule: str
    changes: tuple[Change, ...]
    hazards: tuple[Fault, ...] = ()

    def put(self) -> ExitStack:
        """The bug is there until the stack is closed."""
        stack = ExitStack()
        for change in self.changes:
            stack.enter_context(change())
        return stack


def _fake(wire_sha256: str) -> Receipt:
    return Receipt(wire_sha256, Verdict.APPLIED, "", 0, datetime(2026, 1, 1).astimezone())


_read_up, _read_down = Outgoing.read, VehicleOutbound.read


def _read_is_received(self: Outgoing, wire_sha256: str, offset: int, size: int) -> bytes:
    data = _read_up(self, wire_sha256, offset, size)
    if size and not _read_up(self, wire_sha256, offset + size, 1):
        self.settle(_fake(wire_sha256))
    return data


def _read_down_is_received(self: VehicleOutbound, wire_sha256: str, offset: int, size: int) -> bytes:
    data = _read_down(self, wire_sha256, offset, size)
    if size and not _read_down(self, wire_sha256, offset + size, 1):
        self.settle(_fake(wire_sha256))
    return data


_encodings = itertools.count()


def _read_encoded_anew(self: Outgoing, wire_sha256: str, offset: int, size: int) -> bytes:
    """The bytes of a file made again after each start, under the first one's name."""
    number = self.__dict__.setdefault("encoding", next(_encodings))
    data = bytearray(_read_up(self, wire_sha256, offset, size))
    if offset and data:
        data[-1] ^= number & 0xFF
    return bytes(data)


def _unsigned(signed: Signed, _public: Verifier) -> Any:
    return unpack(signed.body, SessionMessage, "session message")  # type: ignore[arg-type]  # a union is no type[T]


def _of_any_session(self: Exchange, message: object, now: float, waited_s: float) -> tuple[Receipt, ...]:
    if not isinstance(message, Receipts):
        return ()
    self.sender.on_receipts(message, now, waited_s)
    return message.receipts


_admit = admission.admit


def _admit_always(*said: Any, **named: Any) -> tuple[Admission, SessionState]:
    verdict, state = _admit(*said, **named)
    if verdict is Admission.FORK:
        return Admission.OK, msgspec.structs.replace(state, is_forked=False)
    return verdict, state


def _admit_with_one_token(hello: Any, state: SessionState, **named: Any) -> tuple[Admission, SessionState]:
    verdict, changed = _admit(hello, state, **named)
    return verdict, msgspec.structs.replace(changed, pending_token=hello.token)


_waiting = Outgoing.waiting


def _first_come(self: Outgoing, lane: Lane, after_order: int, limit: int) -> list[WireItem]:
    if lane is not Lane.P2:
        return []
    found = [item for each in Lane for item in _waiting(self, each, after_order, limit)]
    return sorted(found, key=lambda item: item.order)[:limit]


def _numbered_by_serial(connection: Connection) -> int:
    pending = connection.execute(select(feed_pending).order_by(feed_pending.c.n).limit(sequencer.BATCH)).all()
    if pending:
        connection.execute(insert(feed), [{"feed_seq": row.n + 1, "entry": row.entry} for row in pending])
        connection.execute(delete(feed_pending).where(feed_pending.c.n.in_([row.n for row in pending])))
    return len(pending)


def _last_part_only(*parts: Sequence[tuple[int, int]]) -> Ranges:
    return tuple((start, end) for start, end in parts[-1])


def _on(target: object, name: str, value: object) -> Change:
    return lambda: patch.object(target, name, value)


PLANTED: Final = (
    Planted("a row ends when it was sent", "law 2", (_on(Outgoing, "read", _read_is_received),), (cut, kill_hospital)),
    Planted(
        "a row down ends when it was sent",
        "law 2",
        (_on(VehicleOutbound, "read", _read_down_is_received),),
        (bad_evening,),
    ),
    Planted(
        "a rollback is not noticed", "3", (_on(admission, "_is_rolled_back", lambda *_: False),), (restore_hospital,)
    ),
    Planted(
        "the highest receipt is not remembered",
        "3",
        (_on(VehicleCourier, "_note_highest", lambda *_: None),),
        (restore_hospital,),
    ),
    Planted(
        "nothing is offered again after a rollback",
        "3",
        (_on(Outgoing, "reopen_all", lambda _: 0),),
        (restore_hospital,),
    ),
    Planted(
        "received bytes are deleted at night",
        "law 2",
        (_on(days, "RETENTION", days.RETENTION * 0),),
        (restore_hospital,),
    ),
    Planted("receipts are believed unsigned", "4", (_on(courier, "verify", _unsigned),), (forging,)),
    Planted("envelopes are believed unsigned", "4", (_on(Front, "verify", lambda *_: None),), (forging,)),
    Planted("every signature is right", "4", (_on(OriginPublic, "verify", lambda *_: None),), (forging,)),
    Planted(
        "receipts of any session count",
        "3",
        (_on(Exchange, "on_receipts", _of_any_session),),
        (restore_hospital, forging),
    ),
    Planted(
        "a restored box goes on with its numbers",
        "6",
        (_on(Sessions, "ask_to_rejoin", lambda self, _: self.load()),),
        (restore_box,),
    ),
    Planted("a fork is admitted", "7", (_on(reception, "admit", _admit_always),), (clone_box,)),
    Planted("the session token is not rotated", "7", (_on(reception, "admit", _admit_with_one_token),), (clone_box,)),
    Planted("the feed counts by a serial", "9", (_on(sequencer, "_sequence_some", _numbered_by_serial),)),
    Planted(
        "of two parts the later one's range stands",
        "10",
        (_on(transfers, "union", _last_part_only),),
        (cut, kill_hospital),
    ),
    Planted(
        "a file is encoded anew under its old name", "11", (_on(Outgoing, "read", _read_encoded_anew),), (kill_box,)
    ),
    Planted(
        "acknowledgements have three seconds, whatever the rate",
        "12",
        (
            _on(Pace, "patience_s", lambda *_: 3.0),
            lambda: patch.object(Pace, "chunk", PropertyMock(return_value=64 * 1024)),
        ),
        (slow,),
    ),
    Planted("held does not end a row", "14", (lambda: patch.dict(STATES, {Verdict.HELD: "refused"}),), (strangers,)),
    Planted("refused ends a row", "14", (lambda: patch.dict(STATES, {Verdict.REFUSED: "received"}),), (bad_broker,)),
    Planted(
        "what was sent is credit", "17", (lambda: patch.object(Sender, "in_flight", PropertyMock(return_value=0)),)
    ),
    Planted("lanes are one queue", "law of lanes", (_on(Outgoing, "waiting", _first_come),)),
    Planted("a retraction leaves no tombstone", "2", (lambda: patch.dict(table.RULES, {Kind.RETRACTION: keep}),)),
    Planted(
        "the same id with other content is a duplicate",
        "law 3",
        (_on(Applying, "_same_or_not", lambda *_: Verdict.DUPLICATE),),
        (clone_box,),
    ),
    Planted("revocations are not read", "24", (_on(EpochLog, "revoked", lambda _: frozenset()),), (revoke_vehicle,)),
    Planted("a lost receipt is not asked for", "12", (_on(sender, "RECEIPT_PATIENCE_S", 1e9),), (bad_evening,)),
    Planted("receipts are not merged into the outbox", "law 7", (_on(Sealer, "merge_receipts", lambda _: 0),)),
)
"""Every planted bug."""
