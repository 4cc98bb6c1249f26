"""What the hospital set aside, and what named persons decide about it: release it, or leave it aside for good.

Nothing is deleted: the raw bytes stay, and who decided what and why stands beside them. What an upgrade can mend is
opened again by itself (intake/reopening.py); a revoked vehicle's data, another vehicle's things and what killed its
reader wait here (sync rules 13, 14, 24).
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import Row, func, select, update

from clinic_records.clock import from_ms, to_ms
from clinic_records.errors import Conflict, Hint, NotFound, RefusedInput
from clinic_records.people import Author
from cloud_hospital.hospital import Hospital
from cloud_hospital.intake.inbound import VehicleInbound
from cloud_hospital.intake.opening import NotTaken
from cloud_hospital.intake.reopening import REASONS as MENDED_BY_UPGRADE
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.locks import exclusive
from cloud_hospital.store.tables import alarms, quarantine, receipts
from sync.ports import Receipt

RELEASABLE: Final = frozenset({"revoked", "other-owner", "poison"}) | MENDED_BY_UPGRADE
"""Reasons about which a person may say: take it all the same. Bytes that are not what their sender signed, and other
content under a number that is taken, can only be left aside."""

WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "revoked": ("车已停用。确认是停用前的数据再放行", "The vehicle is revoked. Release what is from before it"),
    "other-owner": ("改的是别的车的资料。比对后决定", "It changes what another vehicle owns. Compare, then decide"),
    "other-content": ("同号不同内容。两份都留着，比对后搁置", "Other content under a number that is taken: both stay"),
    "poison": ("读它的程序两次没读完。升级后可再试", "Its reader never came to an end, twice. Try after an upgrade"),
    "stranger": ("没有登记的车发来的", "From a vehicle that is not enrolled"),
    "version": ("新版本封的，升级后自动收下", "Of a newer version: taken by itself after an upgrade"),
    "must-understand": ("用了本版没有的功能，升级后自动收下", "Needs what this version lacks: taken after an upgrade"),
    "not-understood": ("本版看不懂，升级后自动收下", "Not understood: taken by itself after an upgrade"),
    "not-taken": ("本版不收，升级后自动再试", "Not taken by this version: tried again after an upgrade"),
    "wire-hash": ("路上坏了，车会重发", "Damaged on its way: the vehicle sends it again"),
    "not-a-wire-file": ("不是封好的数据", "No sealed envelope"),
    "origin-unknown": ("发件的车没有登记", "Its origin is not enrolled"),
    "origin-signature": (
        "签名不对：可能是伪造，查这辆车",
        "The signature is wrong: perhaps forged, look at the vehicle",
    ),
    "recipient": ("封给别的钥匙，车会重封", "Sealed to another key: the vehicle seals it anew"),
    "codec": ("解不开，车会重封", "Cannot be decoded: the vehicle seals it anew"),
}
"""Reason -> what it means and what to do, Chinese and English."""

_UNDECIDABLE: Final = Hint("这一种不能放行，只能搁置并写明原因。", "This kind cannot be released, only left aside.")
_NOTE: Final = Hint("写明看到什么、为什么这样决定。", "Write what was found and why you decide so.")

_logger = logging.getLogger(__name__)


class HeldItem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing set aside.

    Attributes:
        verdict: `held` where the vehicle's row is ended by it, `refused` where the vehicle offers it again, empty for
            a stranger's message, which got no receipt.
        decision: `released`, `left-aside`, or empty while it waits for a person; `taken` where an upgrade mended it.
    """

    n: int
    vehicle: str
    wire_sha256: str
    reason: str
    zh: str
    en: str
    detail: str
    received_at: str
    size: int
    verdict: str
    can_release: bool
    decision: str
    decided_by: str
    note: str


def list_held(hospital: Hospital, *, only_open: bool = True, limit: int = 200) -> list[HeldItem]:
    """What was set aside, newest first."""
    wanted = select(quarantine).order_by(quarantine.c.n.desc()).limit(limit)
    if only_open:
        wanted = wanted.where(quarantine.c.done_at.is_(None))
    with reading(hospital.engine) as connection:
        rows = connection.execute(wanted).all()
        query = (
            select(receipts.c.wire_sha256, receipts.c.verdict)
            .where(receipts.c.wire_sha256.in_([row.wire_sha256 for row in rows]))
            .order_by(receipts.c.vehicle, receipts.c.receipt_seq)
        )
        verdicts: dict[str, str] = {row.wire_sha256: row.verdict for row in connection.execute(query)}
    return [_item(hospital, row, verdicts.get(row.wire_sha256, "")) for row in rows]


def find_held(hospital: Hospital, number: int) -> HeldItem:
    """One of them. Raises NotFound."""
    row = _row(hospital, number)
    with reading(hospital.engine) as connection:
        query = select(receipts.c.verdict).where(receipts.c.wire_sha256 == row.wire_sha256)
        verdict = connection.execute(query.order_by(receipts.c.receipt_seq.desc()).limit(1)).scalar()
    return _item(hospital, row, verdict or "")


def held_bytes(hospital: Hospital, number: int) -> Path:
    """Where its raw bytes lie. Raises NotFound."""
    path = hospital.folder.root / str(_row(hospital, number).path)
    if not path.is_file():
        raise NotFound(f"the raw bytes of {number} are gone: {path}")
    return path


def release(hospital: Hospital, number: int, by: Author, note: str) -> Receipt:
    """Take it all the same, by a named person's word; its vehicle gets the new receipt.

    Raises:
        NotFound: no such item.
        Conflict: it was decided already.
        RefusedInput: no note, a reason that nobody may overrule, or it still cannot be taken.
    """
    with exclusive(hospital.engine, f"held {number}", hospital.folder.run):
        row = _to_decide(hospital, number, note)
        if row.reason not in RELEASABLE:
            raise RefusedInput(f"{number} was set aside as {row.reason}", hint=_UNDECIDABLE)
        inbound = VehicleInbound(hospital, row.vehicle)
        outcome = inbound.take_decided(row.wire_sha256, hospital.folder.root / row.path)
        if isinstance(outcome, NotTaken):
            raise RefusedInput(f"{number} still cannot be taken: {outcome.reason}: {outcome.detail}")
        _decide(hospital, row, "released", by, note)
        return outcome


def leave_aside(hospital: Hospital, number: int, by: Author, note: str) -> None:
    """It is not taken, by a named person's word; the raw bytes stay. The vehicle's count does not change.

    Raises:
        NotFound: no such item.
        Conflict: it was decided already.
        RefusedInput: no note.
    """
    with exclusive(hospital.engine, f"held {number}", hospital.folder.run):
        _decide(hospital, _to_decide(hospital, number, note), "left-aside", by, note)


def _to_decide(hospital: Hospital, number: int, note: str) -> Row[Any]:
    row = _row(hospital, number)
    if row.done_at is not None:
        raise Conflict(f"{number} was decided already: {row.decision or 'taken'}")
    if not note.strip():
        raise RefusedInput("a note is needed", hint=_NOTE)
    return row


def _decide(hospital: Hospital, row: Row[Any], decision: str, by: Author, note: str) -> None:
    """The task is done, and the alarm with it when it was the last of its kind."""
    now = to_ms(hospital.now())
    values = {"done_at": now, "decision": decision, "decided_by": f"{by.name} ({by.staff})", "note": note.strip()}
    same = (quarantine.c.vehicle == row.vehicle, quarantine.c.reason == row.reason, quarantine.c.done_at.is_(None))
    with writing(hospital.engine) as connection:
        connection.execute(update(quarantine).where(quarantine.c.n == row.n).values(**values))
        if not connection.execute(select(func.count()).select_from(quarantine).where(*same)).scalar_one():
            ended = update(alarms).where(alarms.c.vehicle == row.vehicle, alarms.c.code == row.reason)
            connection.execute(ended.where(alarms.c.done_at.is_(None)).values(done_at=now))
    _logger.warning("set aside %d of %s: %s by %s", row.n, row.vehicle, decision, by.staff)


def _row(hospital: Hospital, number: int) -> Row[Any]:
    with reading(hospital.engine) as connection:
        row = connection.execute(select(quarantine).where(quarantine.c.n == number)).one_or_none()
    if row is None:
        raise NotFound(f"nothing was set aside as {number}")
    return row


def _item(hospital: Hospital, row: Row[Any], verdict: str) -> HeldItem:
    path = hospital.folder.root / str(row.path)
    zh, en = WORDS.get(row.reason, (row.reason, row.reason))
    is_done = row.done_at is not None
    return HeldItem(
        n=row.n,
        vehicle=row.vehicle,
        wire_sha256=row.wire_sha256,
        reason=row.reason,
        zh=zh,
        en=en,
        detail=row.detail,
        received_at=from_ms(row.received_at).isoformat(),
        size=path.stat().st_size if path.is_file() else 0,
        verdict=verdict,
        can_release=not is_done and row.reason in RELEASABLE,
        decision=row.decision or ("taken" if is_done else ""),
        decided_by=row.decided_by,
        note=row.note,
    )
