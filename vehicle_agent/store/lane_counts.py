"""How many envelopes of this vehicle stand where, by lane: from receipts only (law 7)."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from clinic_records.clock import from_ms
from clinic_records.record import Lane
from vehicle_agent.store.driver import Connection


class LaneCount(msgspec.Struct, frozen=True):
    """Counts of one lane for the status pages; `oldest` is when the oldest unended one was spooled.

    `sending` is under way in the present session; `refused` is not ended and is offered again in every session.
    """

    queued: int = 0
    sending: int = 0
    received: int = 0
    held: int = 0
    refused: int = 0
    oldest: datetime | None = None


def lane_counts(
    conn: Connection, sending: Iterable[str], unsealed: Mapping[tuple[int, int], Lane]
) -> dict[Lane, LaneCount]:
    """Counts of every lane.

    Args:
        conn: the spool.
        sending: wire hashes the sender has under way.
        unsealed: (incarnation, seq) and lane of what waits outside the spool; what came into it meanwhile is counted
            once, here.
    """
    here = {
        (incarnation, seq)
        for incarnation, seq in conn.execute(
            "SELECT incarnation, seq FROM wires JOIN json_each(?) AS key"
            " ON incarnation = json_extract(key.value, '$[0]') AND seq = json_extract(key.value, '$[1]')"
            " WHERE origin = ''",
            (msgspec.json.encode(list(unsealed)).decode(),),
        )
    }
    rows = conn.execute(
        "SELECT lane, state, count(*), min(added_ms) FROM wires WHERE origin = '' GROUP BY lane, state"
    ).fetchall()
    under_way = dict(
        conn.execute(
            "SELECT lane, count(*) FROM wires WHERE state = 'open' AND origin = ''"
            " AND wire_sha256 IN (SELECT value FROM json_each(?)) GROUP BY lane",
            (msgspec.json.encode(sorted(sending)).decode(),),
        ).fetchall()
    )
    found = {(lane, state): (count, oldest) for lane, state, count, oldest in rows}
    outside = Counter(lane for key, lane in unsealed.items() if key not in here)
    counts = {}
    for lane in Lane:
        number = {state: found.get((lane, state), (0, None))[0] for state in ("open", "received", "held", "refused")}
        unended = [found[lane, state][1] for state in ("open", "refused") if (lane, state) in found]
        counts[lane] = LaneCount(
            queued=number["open"] - under_way.get(lane, 0) + outside[lane],
            sending=under_way.get(lane, 0),
            received=number["received"],
            held=number["held"],
            refused=number["refused"],
            oldest=from_ms(min(unended)) if unended else None,
        )
    return counts
