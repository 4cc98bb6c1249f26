"""Who alone may dispense each prescription, at the hospital's end (sync rule 1; decision 0017)."""

import hmac
import secrets
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, insert, select, update

from clinic_records.clock import from_ms, to_ms
from clinic_records.consult import Retraction
from clinic_records.dispensing import Right, RightState, answered, ask, settled
from clinic_records.errors import AccessError, Conflict, Hint, NotFound, RefusedInput
from clinic_records.ids import RecordId
from clinic_records.prescription import PHARMACY, Dispense, DispenseRight, Prescription, Release
from clinic_records.record import Kind
from cloud_hospital.downlinks.issue import address_also, addressed, keep_message, payloads_of, queue_issued
from cloud_hospital.hospital import Hospital
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.tables import alarms, dispense_rights, issued, sessions
from cloud_hospital.vehicles import box_key
from sync.ports import SessionState

_CODE_BYTES: Final = 16
_WRONG: Final = Hint("取药码不对、已用或已过期。", "The code is wrong, used or out of date.")


class RightView(msgspec.Struct, frozen=True):
    """Where a right stands; `code` is what a pharmacy must show, where a pharmacy holds it."""

    rx: str
    token: int
    holder: str
    state: RightState
    until: datetime
    wanted: str = ""
    code: str = ""


def first_right(connection: Connection, hospital: Hospital, rx: Prescription, vehicle: str) -> RecordId:
    """Give the first token of a new prescription to `vehicle`, in the caller's transaction; the word about it."""
    right = Right(1, vehicle, rx.valid_until, incarnation=_incarnation(connection, vehicle))
    connection.execute(insert(dispense_rights).values(rx=rx.id, given_at=to_ms(hospital.now()), **_values(right)))
    new_id, now = RecordId(hospital.ids.new()), hospital.now()
    word = DispenseRight(new_id, rx.id, 1, vehicle, rx.valid_until, now, incarnation=right.incarnation)
    keep_message(connection, hospital, Kind.DISPENSE_RIGHT, word, to=[vehicle], encounter=rx.encounter)
    return word.id


def right_of(hospital: Hospital, rx: str) -> RightView:
    """Where the right stands.

    Raises:
        NotFound: no such prescription.
    """
    with reading(hospital.engine) as connection:
        return _view(_row(connection, rx))


def move_right(hospital: Hospital, rx: str, to: str) -> RightView:
    """Let `to` have it next: at once where nobody else's hand holds it, else when the holder has given it back.

    Args:
        hospital: whose prescription it is.
        rx: the prescription's id.
        to: a vehicle's id, or PHARMACY.

    Raises:
        NotFound: no such prescription or vehicle.
        AccessError: that vehicle is revoked.
        Conflict: it was taken back, dispensed, is there already, the database was restored since it was given, or who
            holds it was revoked and cannot give it back.
    """
    if to != PHARMACY:
        box_key(hospital, to)
    with writing(hospital.engine) as connection:
        row = _row(connection, rx, lock=True)
        if to != PHARMACY:
            address_also(connection, rx, to)  # without the right the prescription is only read there
        if _is_retracted(connection, rx):  # asked where nobody can take it back any more before `to` is addressed
            raise Conflict(f"prescription {rx} was taken back", hint=Hint("处方已撤销。", "It was taken back."))
        right = ask(_right(row), to, is_frozen=_is_frozen(hospital, row))
        if right.state is RightState.ASKED and right.holder in hospital.log.revoked():
            raise Conflict(f"{right.holder} holds token {right.token} and is revoked", hint=_lost(right.holder))
        word = _save_and_say(connection, hospital, row, right)
    for each in (rx, word):
        with suppress(AccessError, NotFound):  # whoever held it before and was revoked hears nothing any more
            queue_issued(hospital, each)
    return right_of(hospital, rx)


def _lost(holder: str) -> Hint:
    """It may have dispensed, or still may: nobody else gets this prescription."""
    return Hint(
        f"{holder} 已停用，收不回它手里的发药权。撤销这张处方（clinic hospital retract），"
        "在别的车的诊次里另开，或开纸处方。",
        f"{holder} is revoked and cannot give the right back. Take the prescription back (clinic hospital retract) and "
        "write another, in an encounter of another vehicle or on paper.",
    )


def settle_rights(hospital: Hospital) -> int:
    """Give the next token of whatever its holder has released; how many."""
    restored = hospital.log.restored_at()
    query = select(dispense_rights.c.rx).where(
        dispense_rights.c.state == RightState.RELEASED.value,
        dispense_rights.c.wanted != "",
        dispense_rights.c.given_at > (to_ms(restored) if restored else 0),  # the rest is frozen, see `_is_frozen`
    )
    with reading(hospital.engine) as connection:
        released = list(connection.execute(query.order_by(dispense_rights.c.rx)).scalars())
    given = 0
    for rx in released:
        with writing(hospital.engine) as connection:
            row = _row(connection, rx, lock=True)
            right = settled(_right(row))
            if right.token == row.token or _is_frozen(hospital, row):
                continue
            word = _save_and_say(connection, hospital, row, right)
        with suppress(AccessError, NotFound):  # whoever was revoked meanwhile hears nothing any more
            queue_issued(hospital, word)
        given += 1
    return given


def redeem(hospital: Hospital, rx: str, code: str) -> RightView:
    """A pharmacy shows the code and dispenses: the token is spent, once. Durable on return.

    Raises:
        NotFound: no such prescription.
        RefusedInput: the code is not the one in force, it was used, taken back, or its day is over.
    """
    with writing(hospital.engine) as connection:
        row = _row(connection, rx, lock=True)
        right = _right(row)
        is_open = right.holder == PHARMACY and right.state is RightState.HELD and hospital.now() < right.until
        is_right = bool(row.code) and hmac.compare_digest(row.code.encode(), code.encode())
        if not is_open or not is_right or _is_retracted(connection, rx) or _is_frozen(hospital, row):
            raise RefusedInput(f"prescription {rx}: this code opens nothing", hint=_WRONG)
        _save(connection, hospital, row, answered(right, PHARMACY, right.token, RightState.USED))
    return right_of(hospital, rx)


def note_word(connection: Connection, vehicle: str, word: Release | Dispense, now: datetime) -> None:
    """A holder's word has come, in the transaction that takes it. A dispensing without the right is an alarm."""
    row = connection.execute(select(dispense_rights).where(dispense_rights.c.rx == word.rx).with_for_update()).first()
    state = RightState.USED if isinstance(word, Dispense) else RightState.RELEASED
    if row is not None:
        values = _values(answered(_right(row), vehicle, word.token, state))
        connection.execute(update(dispense_rights).where(dispense_rights.c.rx == word.rx).values(**values))
    spent = row is not None and (row.token, row.holder) == (word.token, vehicle)
    if state is RightState.USED and not spent:
        detail = f"{vehicle} dispensed {word.rx} with token {word.token}, which it does not hold here"
        alarm = {"at": to_ms(now), "vehicle": vehicle, "code": "dispensed-without-right", "detail": detail}
        connection.execute(insert(alarms).values(alarm))


def _save_and_say(connection: Connection, hospital: Hospital, row: Row[Any], right: Right) -> RecordId:
    """Keep what became of the right, and the word about it to every vehicle that has the prescription."""
    right = _save(connection, hospital, row, right)
    rx = connection.execute(select(issued).where(issued.c.id == row.rx)).one()
    word = DispenseRight(
        id=RecordId(hospital.ids.new()),
        rx=RecordId(row.rx),
        token=right.token,
        holder=right.holder,
        until=right.until,
        at=hospital.now(),
        is_asked_back=right.state is RightState.ASKED,
        incarnation=right.incarnation,
    )
    keep_message(connection, hospital, Kind.DISPENSE_RIGHT, word, to=addressed(rx), encounter=rx.encounter)
    return word.id


def _save(connection: Connection, hospital: Hospital, row: Row[Any], right: Right) -> Right:
    if right.token != row.token:
        right = msgspec.structs.replace(right, incarnation=_incarnation(connection, right.holder))
    values: dict[str, object] = _values(right)
    if right.token != row.token:
        values["given_at"] = to_ms(hospital.now())
        values["code"] = secrets.token_hex(_CODE_BYTES) if right.holder == PHARMACY else ""
    connection.execute(update(dispense_rights).where(dispense_rights.c.rx == row.rx).values(**values))
    return right


def _incarnation(connection: Connection, holder: str) -> int:
    """The vehicle's incarnation as this hospital knows it; 0 for a pharmacy."""
    raw = connection.execute(select(sessions.c.state).where(sessions.c.vehicle == holder)).scalar()
    return 0 if raw is None else msgspec.json.decode(raw, type=SessionState).incarnation


def _is_frozen(hospital: Hospital, row: Row[Any]) -> bool:
    """Whether the database went back in time since the token was given, so that a newer one may be out there."""
    restored = hospital.log.restored_at()
    return restored is not None and row.given_at <= to_ms(restored)


def _is_retracted(connection: Connection, rx: str) -> bool:
    encounter = connection.execute(select(issued.c.encounter).where(issued.c.id == rx)).scalar_one()
    words = payloads_of(connection, [Kind.RETRACTION], encounter=encounter)
    return any(msgspec.json.decode(payload, type=Retraction).thing == rx for _, payload in words)


def _row(connection: Connection, rx: str, *, lock: bool = False) -> Row[Any]:
    query = select(dispense_rights).where(dispense_rights.c.rx == rx)
    row = connection.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise NotFound(f"no prescription {rx[:64]} was made here")
    return row


def _right(row: Row[Any]) -> Right:
    return Right(row.token, row.holder, from_ms(row.until), RightState(row.state), row.wanted, row.incarnation)


def _values(right: Right) -> dict[str, object]:
    return {
        "token": right.token,
        "holder": right.holder,
        "until": to_ms(right.until),
        "state": right.state.value,
        "wanted": right.wanted,
        "incarnation": right.incarnation,
    }


def _view(row: Row[Any]) -> RightView:
    right = _right(row)
    return RightView(row.rx, right.token, right.holder, right.state, right.until, right.wanted, row.code)
