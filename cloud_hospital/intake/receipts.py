"""Receipts: dense numbers for each vehicle, written in the transaction that took the envelope."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy import Connection, insert, select, tuple_, update

from clinic_records.clock import to_ms
from clinic_records.errors import AccessError
from cloud_hospital.store.tables import receipts, vehicles
from sync.ports import Receipt, Verdict

TRY_AGAIN: Final = timedelta(minutes=10)
"""A refusal is repeated without looking again for this long; then the cause may have been mended. Our choice."""


def lock_vehicle(connection: Connection, vehicle: str) -> int:
    """Hold the vehicle's row until the transaction ends; the last receipt number given to it.

    Raises:
        AccessError: it is not enrolled.
    """
    query = select(vehicles.c.receipt_seq).where(vehicles.c.id == vehicle).with_for_update()
    last = connection.execute(query).scalar_one_or_none()
    if last is None:
        raise AccessError(f"vehicle {vehicle} is not enrolled here")
    return int(last)


def write_receipt(
    connection: Connection,
    vehicle: str,
    wire_sha256: str,
    verdict: Verdict,
    *,
    epoch: str,
    at: datetime,
    last: int,
    id: str = "",  # noqa: A002  # the receipt's own field name
    revision: int = 0,
    sha256: str = "",
    reason: str = "",
) -> Receipt:
    """Number and keep one receipt; `last` comes from `lock_vehicle` in the same transaction.

    What was applied bears the vehicle's signature, so it was heard of; what was refused may be anybody's.
    """
    receipt = Receipt(
        wire_sha256=wire_sha256,
        verdict=verdict,
        epoch=epoch,
        receipt_seq=last + 1,
        at=at,
        id=id,
        revision=revision,
        sha256=sha256,
        reason=reason,
    )
    connection.execute(insert(receipts).values(receipt_row(vehicle, receipt)))
    heard = {"last_contact": to_ms(at)} if verdict in {Verdict.APPLIED, Verdict.DUPLICATE} else {}
    changed = update(vehicles).where(vehicles.c.id == vehicle)
    connection.execute(changed.values(receipt_seq=receipt.receipt_seq, **heard))
    return receipt


def receipt_row(vehicle: str, receipt: Receipt) -> dict[str, object]:
    """The row of `receipts`."""
    return {
        "vehicle": vehicle,
        "receipt_seq": receipt.receipt_seq,
        "wire_sha256": receipt.wire_sha256,
        "verdict": receipt.verdict.value,
        "receipt": msgspec.json.encode(receipt),
    }


def last_receipts(connection: Connection, files: Collection[tuple[str, str]]) -> dict[tuple[str, str], Receipt]:
    """The newest receipt given for each of `files`, by vehicle and wire_sha256; none where none was given."""
    key = (receipts.c.vehicle, receipts.c.wire_sha256)
    query = select(*key, receipts.c.receipt).where(tuple_(*key).in_(sorted(files))).order_by(receipts.c.receipt_seq)
    newest = {(row.vehicle, row.wire_sha256): row.receipt for row in connection.execute(query)}
    return {file: msgspec.json.decode(raw, type=Receipt) for file, raw in newest.items()}


def last_receipt(connection: Connection, vehicle: str, wire_sha256: str) -> Receipt | None:
    """The newest receipt given for this file."""
    query = (
        select(receipts.c.receipt)
        .where(receipts.c.vehicle == vehicle, receipts.c.wire_sha256 == wire_sha256)
        .order_by(receipts.c.receipt_seq.desc())
        .limit(1)
    )
    raw = connection.execute(query).scalar_one_or_none()
    return None if raw is None else msgspec.json.decode(raw, type=Receipt)


def still_stands(receipt: Receipt, now: datetime) -> bool:
    """Whether the answer is to be repeated: always, but a refusal only for a while."""
    return receipt.verdict is not Verdict.REFUSED or now - receipt.at < TRY_AGAIN
