"""The audit journal: who did what, appended and never changed, a chain of hashes for each incarnation (sync rule 25).

Each entry's hash covers the one before it, so nothing in between can be changed, taken out or put in. A restored box
counts in a new incarnation: its chain begins with an entry that names the head it was restored to and the last head
the hospital has signed for, so what is missing between them is a gap that is said, and not a forgery.
"""

import hashlib
from datetime import datetime
from typing import Final

import msgspec

from clinic_records.audit import AuditHead
from clinic_records.clock import from_ms, to_ms
from clinic_records.record import Kind
from vehicle_agent.store.driver import Connection

BEGAN: Final = "chain"
"""Topic of the first entry of a later incarnation."""


class Began(msgspec.Struct, frozen=True):
    """The first entry of a chain that follows another: where that one ended here, and what the hospital has seen."""

    restored: AuditHead
    witnessed: AuditHead | None


class ChainCheck(msgspec.Struct, frozen=True):
    """What a look through all chains found.

    Attributes:
        entries: how many there are.
        faults: entries that were changed, taken out or put in: somebody tampered with the database.
        gaps: restorations, after which entries may be missing; nobody did wrong.
        witnessed: the last head the hospital has signed for.
    """

    entries: int
    faults: list[str]
    gaps: list[str]
    witnessed: AuditHead | None


def add_entry(conn: Connection, topic: str, entry: bytes, at: datetime) -> None:
    """Append one entry, in the transaction of what it speaks of."""
    incarnation = int(conn.execute("SELECT max(incarnation) FROM streams").fetchone()[0])
    head = head_of(conn, incarnation)
    if head is None:
        before = conn.execute("SELECT max(incarnation) FROM audit WHERE incarnation < ?", (incarnation,)).fetchone()[0]
        restored = None if before is None else head_of(conn, before)
        if restored is not None:
            began = msgspec.json.encode(Began(restored, witnessed_head(conn)))
            head = _append(conn, incarnation, None, BEGAN, began, at)
    _append(conn, incarnation, head, topic, entry, at)


def list_entries(conn: Connection, topic: str, *, limit: int = 200) -> list[tuple[datetime, bytes]]:
    """(at, entry), newest first."""
    rows = conn.execute("SELECT at, entry FROM audit WHERE topic = ? ORDER BY id DESC LIMIT ?", (topic, limit))
    return [(from_ms(at), bytes(entry)) for at, entry in rows]


def head_of(conn: Connection, incarnation: int) -> AuditHead | None:
    """The newest entry of a chain; None where it has none."""
    row = conn.execute(
        "SELECT n, hash FROM audit WHERE incarnation = ? ORDER BY n DESC LIMIT 1", (incarnation,)
    ).fetchone()
    return None if row is None else AuditHead(incarnation, row[0], row[1])


def current_head(conn: Connection) -> AuditHead | None:
    """The newest entry of the newest chain."""
    row = conn.execute("SELECT max(incarnation) FROM audit").fetchone()
    return None if row[0] is None else head_of(conn, row[0])


def witnessed_head(conn: Connection) -> AuditHead | None:
    """The newest head for which the hospital has signed a receipt."""
    row = conn.execute(
        "SELECT payload FROM records JOIN outbox USING (kind, id, revision)"
        " WHERE kind = ? AND outbox.state = 'received' ORDER BY outbox.incarnation DESC, outbox.seq DESC LIMIT 1",
        (Kind.AUDIT_HEAD,),
    ).fetchone()
    return None if row is None else msgspec.json.decode(bytes(row[0]), type=AuditHead)


def check_chains(conn: Connection) -> ChainCheck:
    """Go through every chain from its beginning."""
    faults: list[str] = []
    gaps: list[str] = []
    found: dict[tuple[int, int], str] = {}
    head: AuditHead | None = None
    for row in conn.execute("SELECT incarnation, n, hash, topic, entry, at FROM audit ORDER BY incarnation, n"):
        incarnation, number, digest, topic, entry, at_ms = row
        before = head if head is not None and head.incarnation == incarnation else None
        if before is None and head is not None:
            _look_at_beginning(head, incarnation, topic, bytes(entry), faults, gaps)
        expected = _hash(incarnation, number, "" if before is None else before.hash, topic, bytes(entry), at_ms)
        if number != (1 if before is None else before.count + 1) or digest != expected:
            faults.append(f"entry {incarnation}/{number} does not follow from the one before it")
        head = AuditHead(incarnation, number, digest)
        found[incarnation, number] = digest
    witnessed = witnessed_head(conn)
    if witnessed is not None and found.get((witnessed.incarnation, witnessed.count)) != witnessed.hash:
        faults.append(
            f"entry {witnessed.incarnation}/{witnessed.count}, for which the hospital has signed, is not here"
        )
    return ChainCheck(len(found), faults, gaps, witnessed)


def _look_at_beginning(
    last: AuditHead, incarnation: int, topic: str, entry: bytes, faults: list[str], gaps: list[str]
) -> None:
    """A chain that follows another must name where that one ended."""
    try:
        began = msgspec.json.decode(entry, type=Began) if topic == BEGAN else None
    except msgspec.MsgspecError:
        began = None
    if began is None or began.restored != last:
        faults.append(f"chain {incarnation} does not name entry {last.incarnation}/{last.count}, after which it began")
        return
    seen = began.witnessed
    known = "" if seen is None else f"; the hospital has signed up to {seen.incarnation}/{seen.count}"
    gaps.append(
        f"restored or enrolled anew after entry {last.incarnation}/{last.count}: later ones may be missing{known}"
    )


def _append(
    conn: Connection, incarnation: int, head: AuditHead | None, topic: str, entry: bytes, at: datetime
) -> AuditHead:
    number, before = (1, "") if head is None else (head.count + 1, head.hash)
    digest = _hash(incarnation, number, before, topic, entry, to_ms(at))
    conn.execute(
        "INSERT INTO audit (at, topic, entry, incarnation, n, hash) VALUES (?, ?, ?, ?, ?, ?)",
        (to_ms(at), topic, entry, incarnation, number, digest),
    )
    return AuditHead(incarnation, number, digest)


def _hash(incarnation: int, number: int, before: str, topic: str, entry: bytes, at_ms: int) -> str:
    """SHA-256 over the msgpack array of all of an entry, the hash of the one before it among them."""
    return hashlib.sha256(msgspec.msgpack.encode((incarnation, number, before, topic, entry, at_ms))).hexdigest()
