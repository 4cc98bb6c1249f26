"""Envelopes that reached their vehicle and are of use to nobody any more leave the hospital's disk; their rows stay.

A box that is restored from a backup gets everything again that came after it, so nothing goes before a backup may be
that old; and then only what a newer version has replaced, or what was for a time that is over. What was made is kept
in `issued` in any case.
"""

from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, or_, select, update

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
_THERE: Final = (Verdict.APPLIED.value, Verdict.DUPLICATE.value)


def clear_delivered(hospital: Hospital) -> int:
    """Clear away what is due; how many envelopes. Rows first: a file that a crash leaves is only room."""
    now = hospital.now()
    rule = _is_over(to_ms(now - timedelta(days=hospital.settings.backup_days)), to_ms(now - SLICE_LIFE))
    is_due = (downlink.c.cleared.is_(False), downlink.c.verdict.in_(_THERE), rule)
    with reading(hospital.engine) as connection:
        due = connection.execute(select(downlink.c.n, downlink.c.vehicle, downlink.c.wire_sha256).where(*is_due)).all()
    for row in due:
        with writing(hospital.engine) as connection:
            changed = update(downlink).where(downlink.c.n == row.n, *is_due)  # it may have been opened again meanwhile
            is_ours = connection.execute(changed.values(cleared=True)).rowcount == 1
        if is_ours:
            wire_path(hospital.folder, row.vehicle, row.wire_sha256).unlink(missing_ok=True)
    return len(due)


def _is_over(before_ms: int, slices_before_ms: int) -> ColumnElement[bool]:
    newer = downlink.alias()
    is_replaced = (
        select(newer.c.n)
        .where(
            newer.c.vehicle == downlink.c.vehicle,
            newer.c.id == downlink.c.id,
            newer.c.revision > downlink.c.revision,
            newer.c.verdict.in_(_THERE),
        )
        .exists()
    )
    return or_(
        and_(
            downlink.c.settled_at < before_ms,
            or_(
                and_(downlink.c.kind.in_([kind.value for kind in LISTS]), is_replaced),
                downlink.c.kind == Kind.OWN_RECORDS.value,
            ),
        ),
        and_(downlink.c.settled_at < slices_before_ms, downlink.c.kind == Kind.PATIENT_SLICE.value),
    )
