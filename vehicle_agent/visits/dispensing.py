"""Dispensing what the hospital prescribed: only while this vehicle holds the one right to (sync rule 1)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from clinic_records.dispensing import Refusal, Right, RightState, can_give_back, refusal
from clinic_records.errors import Conflict, Hint, NotFound
from clinic_records.ids import RecordId
from clinic_records.prescription import Dispense, Release
from clinic_records.record import Kind
from sync.messages.table import MESSAGES
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.merge.retractions import is_retracted
from vehicle_agent.store.records import current, put_record
from vehicle_agent.store.rights import incarnation_of, load_right, spend
from vehicle_agent.visits.versions import Act

REFUSALS: Final[Mapping[Refusal, Hint]] = {
    Refusal.UNKNOWN: Hint("发药权还没到本车，先不发。", "The right to dispense has not come to this vehicle."),
    Refusal.OTHER_HOLDER: Hint("发药权在{holder}，本车不能发。", "{holder} holds the right; not to be dispensed here."),
    Refusal.GIVEN_BACK: Hint("发药权已交还医院。", "The right was given back to the hospital."),
    Refusal.SPENT: Hint("已经发过了。", "It was dispensed already."),
    Refusal.OVER: Hint("处方已过期，请医生重新开。", "It is out of date; a doctor must issue a new one."),
    Refusal.RETRACTED: Hint("处方已撤销，不能发。", "The prescription was taken back."),
    Refusal.CLOCK: Hint("车上时间不准，按过期处理。", "The vehicle's clock is in doubt; treat it as out of date."),
    Refusal.RESTORED: Hint("车上数据恢复过，请医生重新开。", "The vehicle was restored; a doctor must prescribe anew."),
}
"""What to say at each; `{holder}` is who has the right."""


def refusal_of(conn: Connection, rx: str, vehicle: str, now: datetime, *, is_clock_doubtful: bool) -> Refusal | None:
    """Why this vehicle may not dispense the prescription now; None where it may."""
    return refusal(
        load_right(conn, rx),
        vehicle,
        now,
        incarnation=incarnation_of(conn),
        is_clock_doubtful=is_clock_doubtful,
        is_retracted=is_retracted(conn, Kind.PRESCRIPTION, rx),
    )


def dispense(
    conn: Connection, rx: RecordId, vehicle: str, new_id: RecordId, act: Act, *, is_clock_doubtful: bool
) -> Dispense:
    """Spend the right and say so to the hospital, in the caller's transaction.

    Raises:
        NotFound: the prescription has not come.
        Conflict: this vehicle may not; the hint says why.
    """
    if current(conn, Kind.PRESCRIPTION, rx) is None:
        raise NotFound(f"prescription {rx} has not come to this vehicle")
    right = load_right(conn, rx)
    why = refusal_of(conn, rx, vehicle, act.now, is_clock_doubtful=is_clock_doubtful)
    if why is not None or right is None or act.author is None:
        raise Conflict(f"prescription {rx}: not to be dispensed here: {why}", hint=hint_of(why, right))
    spend(conn, rx, right, RightState.USED)
    done = Dispense(new_id, rx, right.token, act.author, act.now)
    _put(conn, Kind.DISPENSE, done, act)
    return done


def give_back(conn: Connection, rx: RecordId, vehicle: str, new_id: RecordId, act: Act) -> Release:
    """The person will not collect it here: the right goes back to the hospital, in the caller's transaction.

    Raises:
        Conflict: this vehicle does not hold it, has used it, or was restored since.
    """
    right = load_right(conn, rx)
    if right is None or not can_give_back(right, vehicle, incarnation_of(conn)):
        raise Conflict(f"prescription {rx}: there is no right to give back here")
    spend(conn, rx, right, RightState.RELEASED)
    given = Release(new_id, rx, right.token, act.now)
    _put(conn, Kind.RELEASE, given, act)
    return given


def hint_of(why: Refusal | None, right: Right | None) -> Hint | None:
    """What to tell the pharmacist."""
    if why is None:
        return None
    holder = right.holder if right else ""
    said = REFUSALS[why]
    return Hint(said.zh.format(holder=holder), said.en.format(holder=holder))


def _put(conn: Connection, kind: Kind, thing: Dispense | Release, act: Act) -> None:
    put_record(
        conn,
        record_id=thing.id,
        kind=kind,
        lane=MESSAGES[kind].lane,
        payload=thing,
        author=act.author,
        recorded_at=act.now,
    )
