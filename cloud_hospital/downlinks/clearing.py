"""Envelopes that reached their vehicle and are of use to nobody any more leave the hospital's disk; their rows stay.

A box that is restored from a backup gets everything again that came after it, so nothing goes before a backup may be
that old; and then only what a newer version has replaced, or what was for a time that is over. What was made is kept
in `issued` in any case.
"""

from datetime import timedelta
from typing import Final

from sqlalchemy import Select, and_, func, or_, select, update

from clinic_records.clock import to_ms
from clinic_records.record import Kind
from cloud_hospital.downlink import wire_path
from cloud_hospital.hospital import Hospital
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.tables import downlink
from sync.ports import Verdict

LISTS: Final = (Kind.FORMULARY, Kind.PRICES, Kind.PERMISSIONS, Kind.PATIENT_SLICE)
"""Kinds of which the highest revision counts. Of schedules an older version may still be in force."""
SLICE_LIFE: Final = timedelta(days=62)
"""After so long the month a slice was for is over."""
AT_ONCE: Final = 500
"""Envelopes of one look, in one transaction: what comes in waits for it. The next hour goes on; our choice."""
_IS_THERE: Final = (
    downlink.c.cleared.is_(False),
    downlink.c.verdict.in_([Verdict.APPLIED.value, Verdict.DUPLICATE.value]),
)


def clear_delivered(hospital: Hospital) -> int:
    """Clear away some of what is due; how many envelopes. Rows first: a file that a crash leaves is only room."""
    now = hospital.now()
    before, slices = now - timedelta(days=hospital.settings.backup_days), now - SLICE_LIFE
    with reading(hospital.engine) as connection:
        due = list(connection.execute(_due(to_ms(before), to_ms(slices)).limit(AT_ONCE)).scalars())
    if not due:
        return 0
    with writing(hospital.engine) as connection:
        changed = update(downlink).where(downlink.c.n.in_(due), *_IS_THERE)  # some may have been opened again meanwhile
        answer = changed.values(cleared=True).returning(downlink.c.vehicle, downlink.c.wire_sha256)
        cleared = connection.execute(answer).all()
    for row in cleared:
        wire_path(hospital.folder, row.vehicle, row.wire_sha256).unlink(missing_ok=True)
    return len(cleared)


def _due(before_ms: int, slices_before_ms: int) -> Select[tuple[int]]:
    """Numbers of the envelopes that may go, oldest first; the table is gone through twice, however long it is."""
    key = (downlink.c.vehicle, downlink.c.id)
    is_list = downlink.c.kind.in_([kind.value for kind in LISTS])
    newest = (
        select(*key, func.max(downlink.c.revision).label("revision")).where(*_IS_THERE, is_list).group_by(*key)
    ).subquery()
    is_its = and_(newest.c.vehicle == downlink.c.vehicle, newest.c.id == downlink.c.id)
    is_replaced = newest.c.revision > downlink.c.revision
    is_over = or_(
        and_(downlink.c.settled_at < before_ms, or_(is_replaced, downlink.c.kind == Kind.OWN_RECORDS.value)),
        and_(downlink.c.settled_at < slices_before_ms, downlink.c.kind == Kind.PATIENT_SLICE.value),
    )
    return select(downlink.c.n).outerjoin(newest, is_its).where(*_IS_THERE, is_over).order_by(downlink.c.n)
