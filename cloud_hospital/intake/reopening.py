"""What was held because an older program did not understand it is opened again after an upgrade (sync rule 15).

Runs when a worker starts. A row is tried at most twice by programs of the same abilities, each try being counted
before the file is opened: one that kills its reader must not do so at every start (sync rule 13).
"""

import hashlib
import logging
from typing import Any, Final

import msgspec
from sqlalchemy import Row, func, select, update

from clinic_records.clock import to_ms
from clinic_records.errors import ClinicError
from cloud_hospital.hospital import Hospital
from cloud_hospital.intake.inbound import VehicleInbound
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.locks import exclusive
from cloud_hospital.store.tables import alarms, quarantine
from sync.abilities import OURS, Abilities
from sync.messages.table import FEATURES
from sync.ports import Receipt

REASONS: Final = frozenset({"version", "not-taken", "must-understand", "not-understood"})
"""Why something was held that a later program may understand; all else waits for a person."""
MAX_TRIES: Final = 2

_logger = logging.getLogger(__name__)


def reopen_held(hospital: Hospital, abilities: Abilities = OURS) -> int:
    """Open again what may be understood now; how many became entries. Their vehicles get the new receipt when they ask.

    Workers that start together share the work.
    """
    program = hashlib.sha256(msgspec.json.encode((abilities, sorted(FEATURES)))).hexdigest()
    with reading(hospital.engine) as connection:
        query = select(quarantine.c.n).where(quarantine.c.done_at.is_(None), quarantine.c.reason.in_(REASONS))
        numbers = connection.execute(query.order_by(quarantine.c.n)).scalars().all()
    return sum(_reopen(hospital, number, program) for number in numbers)


def _reopen(hospital: Hospital, number: int, program: str) -> bool:
    with exclusive(hospital.engine, f"held {number}", hospital.folder.run):
        row = _try_again(hospital, number, program)
        if row is None:
            return False
        inbound = VehicleInbound(hospital, row.vehicle)
        try:
            outcome = inbound.take_held(row.wire_sha256, hospital.folder.root / row.path)
        except (ClinicError, OSError) as error:
            _logger.error("cannot open held envelope %s again: %s", row.wire_sha256, error)  # noqa: TRY400 - told, not traced
            return False
        if not isinstance(outcome, Receipt):
            return False
        _end(hospital, row)
        return True


def _try_again(hospital: Hospital, number: int, program: str) -> Row[Any] | None:
    """The row, with this try counted; None where there is nothing to try."""
    with writing(hospital.engine) as connection:
        row = connection.execute(select(quarantine).where(quarantine.c.n == number).with_for_update()).one()
        tries = row.tries if row.tried_by == program else 0
        if row.done_at is not None or tries >= MAX_TRIES:
            return None
        values = {"tries": tries + 1, "tried_by": program}
        connection.execute(update(quarantine).where(quarantine.c.n == number).values(**values))
    return row


def _end(hospital: Hospital, row: Row[Any]) -> None:
    """The task is done, and the alarm with it when it was the last of its kind; the raw bytes stay."""
    now = to_ms(hospital.now())
    same = (quarantine.c.vehicle == row.vehicle, quarantine.c.reason == row.reason, quarantine.c.done_at.is_(None))
    with writing(hospital.engine) as connection:
        connection.execute(update(quarantine).where(quarantine.c.n == row.n).values(done_at=now))
        if not connection.execute(select(func.count()).select_from(quarantine).where(*same)).scalar_one():
            ended = update(alarms).where(alarms.c.vehicle == row.vehicle, alarms.c.code == row.reason)
            connection.execute(ended.where(alarms.c.done_at.is_(None)).values(done_at=now))
