"""`python -m benchmarks.storm [--seconds 600] [--seed 1]`.

Six electrocardiographs at 115200 baud, four analysers over HL7 and two spirometers talk at once to one vehicle while
the nurse arms them in turn for two people each; every five seconds one of them is shaken loose. At the end what the
devices said is compared with what the vehicle holds, and each binding with who the device was armed for.
"""

import argparse
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
import urllib.request
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.storm.talkers import AnalyserTalker, EcgTalker, SpirometerTalker, Talker
from clinic_records.care import Recording
from clinic_records.ids import BlobHash
from commands.demo.lab import PIN, STAFF, VEHICLE, Lab, wait_for
from sync.free_port import free_port
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.store.keys import DeviceKeys
from vehicle_agent.store.quarantine import list_quarantine
from vehicle_agent.store.slots import Slots
from vehicle_agent.store.vault import Vault
from vehicle_agent.visits.versions import listed

SHAKE_EVERY_S: Final = 5.0
TURN_S: Final = 20.0
"""How long a device is armed for one person before it is the other's turn."""
ECGS, ANALYSERS, SPIROMETERS = 6, 4, 2
SETTLE_S: Final = 30.0


@dataclass(frozen=True)
class Turn:
    """From the moment arming was asked for until it was asked for somebody else."""

    device: str
    encounter: str
    asked: datetime
    armed: datetime


class Storm:
    """One run over a lab."""

    def __init__(self, lab: Lab, root: Path, seed: int) -> None:
        self._lab = lab
        self._chance = random.Random(seed)  # noqa: S311  to be repeated, no secret
        self._ports = [free_port() for _ in range(ANALYSERS)]
        self._links = {f"ecg{n + 10}": root / f"ecg{n + 10}" for n in range(ECGS)}
        self._blows = {f"blow{n + 10}": root / f"blow{n + 10}" for n in range(SPIROMETERS)}
        self.turns: list[Turn] = []
        self.pages_ms: list[float] = []
        self.cpu_s = 0.0
        self.talkers: list[Talker] = []

    def settings(self) -> str:
        """The twelve devices, for vehicle.toml."""
        rows = [(name, "ecg-scp", f"serial:{link}?baud=115200") for name, link in self._links.items()]
        rows += [(name, "spirometer-sp80b", f"serial:{link}?baud=115200") for name, link in self._blows.items()]
        rows += [(f"lab{n + 10}", "chemistry-hl7", f"listen:127.0.0.1:{port}") for n, port in enumerate(self._ports)]
        return "".join(f'\n[[devices]]\nid = "{name}"\nkey = "{key}"\nurl = "{url}"\n' for name, key, url in rows)

    def run(self, seconds: float) -> None:
        """Let all talk for so long."""
        people = [self._open(name) for name in ("王秀英", "李国强")]
        self.talkers = [
            *(EcgTalker(name, link, seed) for seed, (name, link) in enumerate(self._links.items())),
            *(SpirometerTalker(name, link, seed) for seed, (name, link) in enumerate(self._blows.items())),
            *(AnalyserTalker(f"lab{n + 10}", port) for n, port in enumerate(self._ports)),
        ]
        agent = self._lab.agent.pid
        before = _cpu_s(agent)
        for talker in self.talkers:
            talker.start()
        end, turn, next_shake, next_turn = time.monotonic() + seconds, 0, time.monotonic(), 0.0
        while time.monotonic() < end:
            if time.monotonic() >= next_turn:
                next_turn = time.monotonic() + TURN_S
                turn += 1
                for talker in self.talkers:
                    self._arm(talker.name, self._chance.choice(people))
            if time.monotonic() >= next_shake:
                next_shake += SHAKE_EVERY_S
                self._chance.choice(self.talkers).shaken.set()
            self.pages_ms.append(self._page_ms())
            time.sleep(1.0)
        self.cpu_s = _cpu_s(agent) - before
        for talker in self.talkers:
            talker.stopped.set()
        for talker in self.talkers:
            talker.join(20)
        wait_for("the inbox", lambda: self._lab.desk("status")["inbox"] == 0 or None, SETTLE_S)

    def _open(self, name: str) -> str:
        patient = self._lab.register(name, "female", "1959-03-08")
        return str(self._lab.desk("open_encounter", patient_id=patient["id"], reason="storm")["id"])

    def _arm(self, device: str, encounter: str) -> None:
        asked = datetime.now(UTC)
        self._lab.desk("arm", device=device, encounter_id=encounter)
        self.turns.append(Turn(device, encounter, asked, datetime.now(UTC)))

    def _page_ms(self) -> float:
        started = time.perf_counter()
        with urllib.request.urlopen(f"http://127.0.0.1:{self._lab.page_port}/login", timeout=10) as answer:
            answer.read()
        return (time.perf_counter() - started) * 1000


def _cpu_s(pid: int) -> float:
    """Processor seconds of a process, of its ended children and of those that live, from /proc (proc(5))."""
    user, system, ended_user, ended_system = map(int, _stat(pid)[11:15])
    mine = (user + system + ended_user + ended_system) / os.sysconf("SC_CLK_TCK")
    return mine + sum(_cpu_s(child) for child in _children(pid))


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text("ascii").split()]


def _stat(pid: int) -> list[str]:
    """The fields behind the name, which may hold blanks itself."""
    return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()


def held(folder: VehicleFolder) -> tuple[list[Recording], set[BlobHash]]:
    """All recordings of the stopped vehicle, and the hashes of what it set aside."""
    slots = Slots(folder.slots, DeviceKeys.load(folder.device_key).device_secret, lambda: datetime.now(UTC))
    _, data_key = slots.unlock(STAFF, PIN)
    vault = Vault(folder, vehicle=VEHICLE)
    store = vault.open_with(data_key)
    try:
        recordings = store.read(lambda conn: [one.thing for one in listed(conn, Recording, limit=1_000_000)])
        aside = store.read(lambda conn: {task.blob for task in list_quarantine(conn)})
    finally:
        vault.lock()
    return recordings, aside


def misbound(recordings: list[Recording], turns: list[Turn]) -> list[Recording]:
    """Bound by arming to somebody the device was not armed for when the reading came."""
    by_device: dict[str, list[Turn]] = defaultdict(list)
    for turn in turns:
        by_device[turn.device].append(turn)
    wrong = []
    for recording in recordings:
        if recording.binding is None:
            continue
        came = recording.reading.stamp.vehicle_time
        mine = by_device[recording.reading.device]
        ends = [*(turn.armed for turn in mine[1:]), datetime.max.replace(tzinfo=UTC)]
        allowed = {turn.encounter for turn, end in zip(mine, ends, strict=True) if turn.asked <= came <= end}
        if recording.binding.encounter not in allowed:
            wrong.append(recording)
    return wrong


def main() -> int:
    """Run and judge; exit 1 where anything was lost or misbound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="storm-"))
    lab = Lab(root, up_bits_per_s=0, down_bits_per_s=0, delay_s=0.005)
    try:
        lab.set_up()
        storm = Storm(lab, root, options.seed)
        settings = lab.vehicle_dir / "vehicle.toml"
        settings.write_text(settings.read_text("utf-8") + storm.settings(), "utf-8")
        lab.publish_schedule()
        lab.agent.start()
        lab.unlock()
        wait_for("the schedule", lambda: lab.desk("today")["schedule_version"] or None)
        lab.desk("open_stop")
        storm.run(options.seconds)
        lab.agent.stop()
        recordings, aside = held(VehicleFolder(lab.vehicle_dir))
    finally:
        lab.tear_down()
        shutil.rmtree(root, ignore_errors=True)
    return tell(storm, recordings, aside, options.seconds)


def tell(storm: Storm, recordings: list[Recording], aside: set[BlobHash], seconds: float) -> int:
    """Print the figures; 1 where anything was lost or misbound."""
    said = {one.sha256 for talker in storm.talkers for one in talker.said}
    here = Counter(recording.reading.raw.sha256 for recording in recordings)
    lost = said - set(here)
    doubled = [sha256 for sha256, count in here.items() if count > 1]
    wrong = misbound(recordings, storm.turns)
    bound = sum(1 for recording in recordings if recording.binding)
    share = 100 * storm.cpu_s / seconds / (os.cpu_count() or 1)
    pages = sorted(storm.pages_ms)
    for talker in storm.talkers:
        for one in talker.said:
            if one.sha256 in lost:
                print(f"LOST {talker.name} {one.sha256} said from {one.begun} to {one.ended}")
    print(
        f"storm: {len(storm.talkers)} devices, {seconds:.0f} s, {sum(talker.shakes for talker in storm.talkers)} shaken"
        f" loose: {len(said)} readings said, {len(recordings)} kept ({bound} bound, {len(recordings) - bound} waiting),"
        f" {len(aside)} damaged set aside; {len(lost)} lost, {len(doubled)} doubled, {len(wrong)} misbound;"
        f" processor {share:.0f} % of {os.cpu_count()} cores;"
        f" page {statistics.median(pages):.0f} ms median, {pages[-1]:.0f} ms worst"
    )
    return 1 if lost or doubled or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
