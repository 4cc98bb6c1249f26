"""Which prescriptions this vehicle may dispense: the newest token it knows of each (sync rule 1)."""

import msgspec

from clinic_records.clock import from_ms, to_ms
from clinic_records.dispensing import Right, RightState
from vehicle_agent.store.driver import Connection


def load_right(conn: Connection, rx: str) -> Right | None:
    """What is known of the prescription's right; None where nothing came."""
    row = conn.execute("SELECT token, holder, until_ms, state, incarnation FROM rights WHERE rx = ?", (rx,)).fetchone()
    if row is None:
        return None
    token, holder, until_ms, state, incarnation = row
    return Right(token, holder, from_ms(until_ms), RightState(state), incarnation=incarnation)


def save_right(conn: Connection, rx: str, right: Right) -> None:
    """Replace it; durable with the caller's transaction."""
    conn.execute(
        "INSERT INTO rights (rx, token, holder, until_ms, state, incarnation) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (rx) DO UPDATE SET token = excluded.token, holder = excluded.holder,"
        " until_ms = excluded.until_ms, state = excluded.state, incarnation = excluded.incarnation",
        (rx, right.token, right.holder, to_ms(right.until), right.state.value, right.incarnation),
    )


def incarnation_of(conn: Connection) -> int:
    """The incarnation new records count in."""
    return int(conn.execute("SELECT max(incarnation) FROM streams").fetchone()[0])


def spend(conn: Connection, rx: str, right: Right, state: RightState) -> None:
    """This vehicle's last word about the token: given back, or used."""
    save_right(conn, rx, msgspec.structs.replace(right, state=state))
