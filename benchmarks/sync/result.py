"""What one rival did on one road with one day: a line of the ledger."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

LEDGER: Final = Path(__file__).parents[1] / "ledgers" / "sync.jsonl"


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """One run. Seconds from the day's release; None where it never came.

    Attributes:
        payload: bytes of the day's files and the urgent one.
        total_s: until all was durable at the far end.
        urgent_s: from the urgent ECG's making until it was durable there, with its patient's name where rivals' files
            have one.
        carried_up, carried_down: bytes over the road.
        resent: payload bytes sent more than once, as a share of those sent; where the rival says.
        rss_mib: peak resident memory of the sending side, children included.
        wrong: what was lost, altered or doubled, by name; empty when the far end holds exactly the day.
    """

    rival: str
    profile: str
    day: str
    at: str
    payload: int
    total_s: float | None
    urgent_s: float | None = None
    carried_up: int = 0
    carried_down: int = 0
    connections: int = 0
    resent: float | None = None
    rss_mib: float = 0.0
    wrong: tuple[str, ...] = ()
    figures: dict[str, float] = {}
    load_before: float = 0.0


def now_text() -> str:
    """UTC, to the second."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def append(result: Result, ledger: Path = LEDGER) -> None:
    """One more line of the ledger."""
    with ledger.open("ab") as lines:
        lines.write(msgspec.json.encode(result) + b"\n")


def read(ledger: Path = LEDGER) -> list[Result]:
    """All lines."""
    if not ledger.exists():
        return []
    return [msgspec.json.decode(line, type=Result) for line in ledger.read_bytes().splitlines()]
