"""Ours: the real hospital and the vehicle's real agent. Durable is what the hospital's own database says."""

import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from benchmarks.sync.result import Result
from benchmarks.sync.run import Day, Run, cpu_s
from commands.demo.lab import Lab, wait_for
from commands.demo.link import Link
from commands.demo.proof import hospital_get
from vehicle_agent.control import ask

RECEIPTS_S: Final = 30.0
"""Longest wait for the last receipts, which a slow link brings after what they are of."""


@dataclass
class Wanted:
    """What must be durable: record ids and blob hashes."""

    records: set[str] = field(default_factory=set)
    blobs: set[str] = field(default_factory=set)

    def is_in(self, held: "Wanted") -> bool:
        """Whether nothing is missing."""
        return self.records <= held.records and self.blobs <= held.blobs


class Held:
    """What the hospital's database holds, read as another process would."""

    def __init__(self, database: Path) -> None:
        self._connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, isolation_level=None)
        self._version = 0

    @property
    def has_changed(self) -> bool:
        """Whether anybody wrote since the last question; much cheaper than a look, on a machine that is being timed."""
        version = int(self._connection.execute("PRAGMA data_version").fetchone()[0])
        before, self._version = self._version, version
        return version != before

    def look(self) -> Wanted:
        """All of it."""
        rows = self._connection.execute("SELECT id FROM entries").fetchall()
        blobs = self._connection.execute("SELECT sha256 FROM blobs").fetchall()
        return Wanted({row[0] for row in rows}, {row[0] for row in blobs})

    def has(self, wanted: Wanted) -> bool:
        """Whether these few are there."""
        return all(self._is_there("entries", "id", each) for each in wanted.records) and all(
            self._is_there("blobs", "sha256", each) for each in wanted.blobs
        )

    def _is_there(self, table: str, column: str, value: str) -> bool:
        query = f"SELECT 1 FROM {table} WHERE {column} = ?"  # noqa: S608 - names of this file
        return self._connection.execute(query, (value,)).fetchone() is not None

    def close(self) -> None:
        """Forget it."""
        self._connection.close()


class Box:
    """The agent's control socket."""

    def __init__(self, lab: Lab) -> None:
        self._socket = lab.vehicle_dir / "run" / "agent.sock"

    def do(self, command: str, **args: Any) -> Any:
        """One command of benchmarks.sync.box."""
        return ask(self._socket, command, args, timeout_s=600)

    def urgent(self, file: Path) -> tuple[float, Wanted]:
        """One urgent ECG: the monotonic instant before it was made, and what must arrive."""
        made = self.do("bench_urgent", file=str(file))
        return float(made["at"]), Wanted(set(made["records"]), set(made["blobs"]))


@contextmanager
def vehicle_on_road(run: Run, broker: str) -> Iterator[tuple[Lab, Box]]:
    """Hospital, road, and an unlocked vehicle that is connected."""
    lab = Lab(run.folder / "lab", broker=broker)
    run.lay_road(lab.broker_port)
    lab.link = cast(Link, run.road)  # it has all that a lab asks of its link
    try:
        lab.set_up()
        lab.vehicle_dir.joinpath("run").mkdir(exist_ok=True)
        run.spawn([sys.executable, "-m", "benchmarks.sync.box", str(lab.vehicle_dir)], name="box", is_sender=True)
        ready = lab.vehicle_dir / "run" / "ports.json"
        wait_for("the vehicle", lambda: ready.exists() or None)
        lab.unlock()
        run.spared.add(lab.listener_pid())  # the devices' port: nothing travels through it, and it has its own limit
        wait_for("the link", lambda: lab.desk("sync_status")["link"] == "online" or None)
        yield lab, Box(lab)
    finally:
        lab.tear_down()


def run_ours(run: Run, broker: str = "embedded") -> Result:
    """The whole day, and the urgent ECG in its time."""
    day = run.day
    with vehicle_on_road(run, broker) as (lab, box):
        blobs = set(box.do("bench_load", folder=str(day.folder), names=day.names)["blobs"])
        sent_before = box.do("bench_figures")["bytes_sent"]
        before = _cpu(run, lab, box)
        run.begin()
        went = box.do("bench_go")
        run.began = float(went["at"])
        wanted = Wanted(set(went["records"]), blobs)
        with closing(Held(lab.hospital_dir / "hospital.db")) as held:
            total_s, urgent_s = _follow(run, box, held, wanted)
        figures = box.do("bench_figures")
        wrong = _wrong(lab, wanted) if total_s is not None else ["not all arrived"]
        run.until(lambda: _are_all_ended(lab) or None, RECEIPTS_S)
        wire = _wire_bytes(lab)
        sent = figures["bytes_sent"] - sent_before
        spent = {name: round(seconds - before.get(name, 0.0), 2) for name, seconds in _cpu(run, lab, box).items()}
        kept = {name: float(figures[name]) for name in ("rate", "rtt_s", "base_rtt_s", "window", "chunk")}
        return run.result(
            total_s,
            urgent_s,
            wrong=wrong,
            resent=round(max(0.0, sent / wire - 1), 5) if wire else None,
            figures={**kept, **spent, "wire_bytes": float(wire), "sent_bytes": float(sent)},
        )


def _follow(run: Run, box: Box, held: Held, wanted: Wanted) -> tuple[float | None, float | None]:
    """Seconds until the day was there, and of the urgent one since it was made."""
    urgent: tuple[float, Wanted] | None = None
    total_s = urgent_s = None
    while run.seconds < run.limit_s and (total_s is None or urgent_s is None):
        if urgent is None and run.seconds >= run.profile.urgent_at_s:
            urgent = box.urgent(run.day.urgent)
        if held.has_changed:
            if urgent is not None and urgent_s is None and held.has(urgent[1]):
                urgent_s = time.monotonic() - urgent[0]
            if total_s is None and wanted.is_in(held.look()):
                total_s = run.seconds
        time.sleep(0.01)
    return total_s, urgent_s


def _wrong(lab: Lab, wanted: Wanted) -> list[str]:
    """Lost, altered or doubled at the hospital, every byte there read and hashed anew."""
    proof = hospital_get(lab, "/api/v1/proof")
    entries = [each["id"] for each in proof["entries"]]
    intact = [each["sha256"] for each in proof["blobs"] if each["is_intact"]]
    lost = [f"lost {each}" for each in sorted((wanted.records - set(entries)) | (wanted.blobs - set(intact)))]
    twice = [f"doubled {each}" for each in sorted({each for each in entries if entries.count(each) > 1})]
    return lost + twice + [f"{proof['quarantined']} quarantined"] * bool(proof["quarantined"])


def _cpu(run: Run, lab: Lab, box: Box) -> dict[str, float]:
    """CPU seconds of each process so far: they say more than the clock on a machine that others use, too."""
    pids = msgspec.json.decode((lab.hospital_dir / "run" / "pids.json").read_bytes(), type=dict[str, int])
    found = {f"cpu_{name}_s": cpu_s(pid) for name, pid in pids.items()}
    found["cpu_agent_s"] = cpu_s(run.watched[0])
    found["cpu_children_s"] = sum(cpu_s(pid) for pid in box.do("bench_figures")["children"])
    return found


def _are_all_ended(lab: Lab) -> bool:
    with closing(sqlite3.connect(f"file:{lab.vehicle_dir}/spool/spool.db?mode=ro", uri=True)) as spool:
        return spool.execute("SELECT 1 FROM wires WHERE state = 'open' LIMIT 1").fetchone() is None


def _wire_bytes(lab: Lab) -> int:
    """Bytes of all wire files a receipt has ended."""
    with closing(sqlite3.connect(f"file:{lab.vehicle_dir}/spool/spool.db?mode=ro", uri=True)) as spool:
        found = spool.execute("SELECT coalesce(sum(size), 0) FROM wires WHERE state = 'received'").fetchone()
    return int(found[0])


def run_day(profile: str, day: Day, folder: Path, broker: str) -> Result:
    """A Run of ours from its begin to its end."""
    run = Run(f"mobile-clinic, {broker}", profile, day, folder)
    try:
        return run_ours(run, broker)
    finally:
        run.close()
