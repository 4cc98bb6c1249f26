"""A device's quality log in the store, the mark it leaves on a reading, and a person's release of a marked one."""

from datetime import date

import msgspec

from clinic_records.care import Recording
from clinic_records.clock import CHINA
from clinic_records.errors import Conflict, Hint, RefusedInput
from clinic_records.ids import DeviceId, RecordId
from clinic_records.quality import QualityEntry, QualityKind, QualityMark
from clinic_records.quantity import Quantity
from clinic_records.reading import Reading
from clinic_records.record import Lane
from devices.quality import Action, QualityRule, mark_now, passed, rules
from vehicle_agent.store.driver import Connection
from vehicle_agent.visits.roster import Device
from vehicle_agent.visits.versions import Act, get, listed, put

_MOST_ENTRIES = 10_000
"""Entries of one device looked at: three a day for nine years."""


class NewQuality(msgspec.Struct, frozen=True):
    """What a person writes down of a device.

    Attributes:
        passed: asked for where the control is judged by eye and has no values; otherwise the values decide.
    """

    kind: QualityKind
    measured: tuple[Quantity, ...] = ()
    level: str = ""
    low: Quantity | None = None
    high: Quantity | None = None
    lot: str = ""
    expires: str = ""
    open_days: int = 0
    passed: bool | None = None
    note: str = ""


def log_of(conn: Connection, device: DeviceId) -> list[QualityEntry]:
    """The device's entries, oldest first."""
    found = listed(conn, QualityEntry, where={"device": device}, newest_first=True, limit=_MOST_ENTRIES)
    return [version.thing for version in reversed(found)]


def mark_of(conn: Connection, reading: Reading) -> QualityMark | None:
    """What stood against a reading when it arrived, however long it lay sealed; None where its modality has no rule."""
    rule = rules().get(reading.modality)
    if rule is None:
        return None
    arrived = reading.stamp.vehicle_time
    log = [entry for entry in log_of(conn, reading.device) if entry.at <= arrived]
    return mark_now(rule, log, arrived.astimezone(CHINA).date())


def is_blocked(modality: str, mark: QualityMark | None) -> bool:
    """Whether a reading with this mark stays out of everybody's chart until a person says whose it is."""
    return mark is not None and rules()[modality].action(mark) is Action.BLOCK


def keep_entry(conn: Connection, device: Device, form: NewQuality, new_id: RecordId, act: Act) -> QualityEntry:
    """Write one line of the log.

    Raises:
        RefusedInput: a value, limit, lot or date is missing or impossible; the message names the field.
    """
    rule = rules().get(device.modality)
    if rule is None:
        raise RefusedInput(f"{device.id}: readings of {device.modality} have no quality rule")
    if act.author is None:
        raise RefusedInput("by: an entry of the quality log is a person's")
    low, high = rule.limits() or (form.low, form.high)
    entry = QualityEntry(
        id=new_id,
        device=device.id,
        modality=device.modality,
        kind=form.kind,
        at=act.now,
        by=act.author,
        passed=_outcome(rule, form, low, high),
        level=form.level,
        measured=form.measured,
        low=low if form.measured else None,
        high=high if form.measured else None,
        lot=form.lot.strip(),
        expires=_day(form),
        open_days=form.open_days,
        note=form.note.strip(),
    )
    put(conn, entry, act)
    return entry


def release(conn: Connection, recording_id: RecordId, note: str, act: Act) -> Recording:
    """A named person lets a marked reading count, and writes why.

    Raises:
        NotFound: no such recording.
        RefusedInput: no reason was given.
        Conflict: nothing stands against it.
    """
    if not note.strip():
        raise RefusedInput("note: say why it may count", hint=Hint("请写放行的原因。", "Give the reason."))
    version = get(conn, Recording, recording_id)
    if version.thing.quality is None or act.author is None:
        raise Conflict(f"recording {recording_id}: nothing to release")
    released = msgspec.structs.replace(version.thing, released=act.author, release_note=note.strip())
    lane = Lane.P0 if released.urgent else None
    put(conn, released, act, lane, before=version.record, blobs=version.record.blobs)
    return released


def _outcome(rule: QualityRule, form: NewQuality, low: Quantity | None, high: Quantity | None) -> bool:
    if form.kind in {QualityKind.LOT, QualityKind.VERIFICATION}:
        if not (form.lot.strip() or form.kind is QualityKind.VERIFICATION):
            raise RefusedInput("lot: write the number on the pack", hint=Hint("请填批号。", "Enter the lot number."))
        if not form.expires:
            raise RefusedInput(
                "expires: until which day", hint=Hint("请填有效期。", "Enter the date it is good until.")
            )
        return True
    if rule.levels and form.level not in rule.levels:
        raise RefusedInput(f"level {form.level!r}: one of {', '.join(rule.levels)}")
    if not form.measured:
        if form.passed is None or rule.target:
            raise RefusedInput("measured: no value", hint=Hint("请填测得的值。", "Enter the measured values."))
        return form.passed
    if low is None or high is None:
        raise RefusedInput(
            "low, high: the range on the label is missing",
            hint=Hint("请填质控品标签上的范围。", "Enter the range on the control's label."),
        )
    return passed(rule, form.measured, low, high)


def _day(form: NewQuality) -> date | None:
    try:
        return date.fromisoformat(form.expires) if form.expires else None
    except ValueError:
        raise RefusedInput(
            f"expires {form.expires!r} is not a date",
            hint=Hint("日期写成 2026-11-30。", "Write the date as 2026-11-30."),
        ) from None
