"""The whole life of one thing in plain words: made, sealed, sent, received - and if not, why and what to do."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

from clinic_records.clock import CHINA
from clinic_records.people import Author
from clinic_records.record import Record
from sync.ports import Receipt, Verdict
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.outbox import OutboxRow, rows_where
from vehicle_agent.store.outgoing import Kept, Outgoing
from vehicle_agent.store.rows import COLUMNS, record_of

_UPGRADE: Final = (
    "医院的程序太旧，升级后自动收下",
    "the hospital's program is too old; it is taken by itself after an upgrade",
)

REASONS: Final[Mapping[str, tuple[str, str]]] = {
    "revoked": ("本车已被停用，医院的人来决定", "this vehicle is revoked; a person at the hospital decides"),
    "poison": ("医院的程序打不开它，医院的人来看", "the hospital's program cannot open it; a person there looks"),
    "not-understood": _UPGRADE,
    "version": _UPGRADE,
    "must-understand": _UPGRADE,
    "other-owner": ("这份资料是别的车的，医院的人来决定", "another vehicle owns this; a person there decides"),
    "other-content": (
        "医院有同号不同内容的一份，医院的人来比对",
        "the hospital has other content under this number; a person there compares",
    ),
    "codec": ("封装的方式医院不认，会重新封一次", "the hospital does not read this coding; it is sealed anew once"),
    "wire-hash": ("传到医院的字节坏了，会重新封一次", "its bytes were damaged; it is sealed anew once"),
    "recipient": (
        "医院换了钥匙，会重新封一次；还不行就重新登记本车",
        "sealed to an older key; it is sealed anew once, else enrol this vehicle again",
    ),
    "origin-unknown": ("医院没有登记本车，请重新登记", "this vehicle is not enrolled there; enrol it again"),
    "origin-signature": ("签名对不上，请重新登记本车", "its signature does not fit; enrol this vehicle again"),
}
"""Reason in a receipt -> what it means and what is to be done, Chinese and English."""

_OTHER: Final = ("记下这个原因，找维护人员", "note this reason and call the maintainers")


class Step(msgspec.Struct, frozen=True):
    """One line of a life; `at` is None where it has not happened or nobody noted when."""

    zh: str
    en: str
    at: datetime | None = None


class Journey(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a thing on its way.

    Attributes:
        state: queued, spooled, received, held or refused.
        sends: how often its sending was begun, as far as it was noted.
        receipt: the hospital's last answer, if it has come.
        steps: the same in words, in order.
    """

    kind: str
    revision: int
    incarnation: int
    seq: int
    lane: str
    state: str
    size: int
    sha256: str
    wire_sha256: str
    recorded_at: datetime
    author: Author | None
    sealed_at: datetime | None
    wire_size: int
    sends: int
    receipt: Receipt | None
    steps: list[Step]


def explain(conn: Connection, up: Outgoing, thing: str) -> list[Journey]:
    """Every version of a record id or blob hash, in order; empty where nothing of that id was made here.

    Args:
        conn: the open store.
        up: the spool's way up.
        thing: a record's id, a blob's hash, or the hash of an envelope.
    """
    rows = rows_where(conn, "id = ? OR wire_sha256 = ?", (thing, thing))
    journeys = [_sent(conn, up, row) for row in rows] + [_came_home(record) for record in _without_row(conn, thing)]
    return sorted(journeys, key=lambda each: (each.incarnation, each.seq))


def _without_row(conn: Connection, thing: str) -> list[Record]:
    """Versions made by this vehicle before its box was restored, and sent back by the hospital."""
    rows = conn.execute(
        f"SELECT {COLUMNS} FROM records AS r WHERE id = ?"  # noqa: S608  COLUMNS is a constant
        " AND vehicle = (SELECT max(vehicle) FROM streams) AND NOT EXISTS"
        " (SELECT 1 FROM outbox AS o WHERE o.kind = r.kind AND o.id = r.id AND o.revision = r.revision)",
        (thing,),
    )
    return [record_of(row) for row in rows]


def _came_home(record: Record) -> Journey:
    at = record.origin
    row = OutboxRow(
        incarnation=at.incarnation,
        seq=at.seq,
        kind=record.kind,
        id=record.id,
        revision=record.revision,
        lane=record.lane,
        sha256=record.sha256,
        size=len(record.payload),
        recorded_at=record.recorded_at,
        author=record.author,
        state="received",
        wire_sha256=None,
    )
    home = Step("医院收到；本车恢复后由医院发回", "received by the hospital, which sent it back to the restored box")
    return _journey(row, [*_made(row), home], wire=None, receipt=None)


def _sent(conn: Connection, up: Outgoing, row: OutboxRow) -> Journey:
    found = up.kept(wire_sha256=row.wire_sha256) if row.wire_sha256 else []
    wire = found[0] if found else None
    receipt = _receipt(conn, row)
    steps = [*_made(row), *_travelled(row, wire), *_answered(row, receipt, wire)]
    return _journey(row, steps, wire=wire, receipt=receipt)


def _journey(row: OutboxRow, steps: list[Step], *, wire: Kept | None, receipt: Receipt | None) -> Journey:
    return Journey(
        kind=row.kind.value,
        revision=row.revision,
        incarnation=row.incarnation,
        seq=row.seq,
        lane=row.lane.value,
        state=row.state,
        size=row.size,
        sha256=row.sha256,
        wire_sha256=row.wire_sha256 or "",
        recorded_at=row.recorded_at,
        author=row.author,
        sealed_at=wire.added if wire else None,
        wire_size=wire.item.size if wire else 0,
        sends=wire.sends if wire else 0,
        receipt=receipt,
        steps=steps,
    )


def _receipt(conn: Connection, row: OutboxRow) -> Receipt | None:
    text = conn.execute(
        "SELECT receipt FROM outbox WHERE incarnation = ? AND seq = ?", (row.incarnation, row.seq)
    ).fetchone()[0]
    return None if text is None else msgspec.json.decode(text, type=Receipt)


def _made(row: OutboxRow) -> list[Step]:
    by_zh, by_en = ("设备", "a device") if row.author is None else (row.author.name, row.author.name)
    return [
        Step(
            f"{by_zh}记录，第 {row.revision} 版，{row.size} 字节",
            f"made by {by_en}, revision {row.revision}, {row.size} bytes",
            row.recorded_at,
        ),
        Step(
            f"存进车上数据库，编号 {row.incarnation}/{row.seq}，{row.lane.upper()} 道",
            f"committed on the vehicle as number {row.incarnation}/{row.seq}, lane {row.lane.upper()}",
        ),
    ]


def _travelled(row: OutboxRow, wire: Kept | None) -> list[Step]:
    if wire is None:
        return [Step("还没有封装", "not sealed yet")] if row.wire_sha256 is None else []
    sealed = Step(f"封好，{wire.item.size} 字节", f"sealed, {wire.item.size} bytes", wire.added)
    if not wire.sends:
        return [sealed, Step("还没有开始发", "its sending has not begun")]
    return [sealed, Step(f"开始发过 {wire.sends} 次", f"its sending was begun {wire.sends} times")]


def _answered(row: OutboxRow, receipt: Receipt | None, wire: Kept | None) -> list[Step]:
    if receipt is None and row.wire_sha256 is None:
        return []
    if receipt is None:
        return [Step("医院还没有签收", "the hospital has not answered yet")]
    zh, en = REASONS.get(receipt.reason, _OTHER)
    match receipt.verdict:
        case Verdict.APPLIED:
            said = Step("医院签收", "received by the hospital", receipt.at)
        case Verdict.DUPLICATE:
            said = Step("医院早有这一份，签收", "received: the hospital had it already", receipt.at)
        case Verdict.HELD:
            said = Step(
                f"医院收到并暂存：{zh}({receipt.reason})", f"held by the hospital: {en} ({receipt.reason})", receipt.at
            )
        case Verdict.REFUSED:
            said = Step(f"医院拒收：{zh}({receipt.reason})", f"refused: {en} ({receipt.reason})", receipt.at)
    if wire is not None and row.state == "received" and not wire.has_bytes:
        return [said, Step("保留期已过，车上的封装已清理", "kept long enough: its envelope was cleared away here")]
    return [said]


def in_words(journeys: list[Journey], lang: str) -> str:
    """The lives as lines for a screen; times are China's."""
    lines = []
    for journey in journeys:
        lines.append(f"{journey.kind} {journey.incarnation}/{journey.seq}  {journey.state}  sha256 {journey.sha256}")
        for step in journey.steps:
            at = step.at.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S") if step.at else " " * 19
            lines.append(f"  {at}  {step.en if lang == 'en' else step.zh}")
    return "\n".join(lines)
