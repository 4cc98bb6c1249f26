"""One run of one rival: its folder, its road, its processes, its clock."""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from benchmarks.sync.profiles import CAP, PROFILES, Profile
from benchmarks.sync.result import Result, now_text
from benchmarks.sync.road import RoadProcess

LOOK_S: Final = 0.02
T = TypeVar("T")


class Day:
    """A day's files on the disk: `names` in the order they are offered, with sizes and hashes; `urgent` apart."""

    def __init__(self, name: str, folder: Path, manifest: Mapping[str, tuple[int, str]], urgent: Path) -> None:
        self.name = name
        self.folder = folder
        self.manifest = dict(sorted(manifest.items(), key=lambda each: each[1][0]))
        self.urgent = urgent

    @property
    def names(self) -> list[str]:
        """Small files first, as every rival is told them."""
        return list(self.manifest)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(size for size, _ in self.manifest.values())

    def share(self, part: float) -> "Day":
        """The first files that make up `part` of the bytes."""
        left = self.size * part
        kept = {}
        for name, said in self.manifest.items():
            if part < 1 and left < 0:
                break
            left -= said[0]
            kept[name] = said
        return Day(self.name, self.folder, kept, self.urgent)


class Run:
    """What every rival needs. `begin` starts its clock and the road's outages."""

    def __init__(self, rival: str, profile: str, day: Day, folder: Path) -> None:
        self.rival = rival
        self.profile_name = profile
        self.profile: Profile = PROFILES[profile]
        self.day = day.share(self.profile.share)
        self.folder = folder
        self.road: RoadProcess | None = None
        self.processes: list[subprocess.Popen[bytes]] = []
        self.watched: list[int] = []
        self.spared: set[int] = set()
        self.peak_mib = 0.0
        self.began = time.monotonic()
        self.limit_s = 20 + CAP * self.profile.ideal_s(self.day.size)
        self._load = os.getloadavg()[0]
        self._stop = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def lay_road(self, target: int) -> int:
        """Put the road before a port of loopback; its own port."""
        self.road = RoadProcess(self.profile_name, target)
        return self.road.port

    def spawn(self, words: Sequence[str], *, name: str, is_sender: bool = False) -> subprocess.Popen[bytes]:
        """A process with its log in the folder; a sending one's memory is watched, without its `spared` children's."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.processes.append(process)
        if is_sender:
            self.watched.append(process.pid)
        return process

    def begin(self) -> None:
        """The day is released now; what starting took is not counted."""
        if self.road is not None:
            self.road.begin()
        self.peak_mib = 0.0
        self.began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since `begin`."""
        return time.monotonic() - self.began

    def until(self, look: Callable[[], T | None], limit_s: float) -> T | None:
        """What `look` finds, or None after `limit_s` seconds."""
        ends = time.monotonic() + limit_s
        while time.monotonic() < ends:
            if (found := look()) is not None:
                return found
            time.sleep(LOOK_S)
        return None

    def result(
        self,
        total_s: float | None,
        urgent_s: float | None,
        *,
        wrong: Sequence[str] = (),
        resent: float | None = None,
        figures: Mapping[str, float] | None = None,
    ) -> Result:
        """The line of the ledger."""
        carried = self.road.count() if self.road is not None else {"up": 0, "down": 0, "connections": 0}
        return Result(
            rival=self.rival,
            profile=self.profile_name,
            day=self.day.name,
            at=now_text(),
            payload=self.day.size + self.day.urgent.stat().st_size,
            total_s=total_s and round(total_s, 2),
            urgent_s=urgent_s and round(urgent_s, 3),
            carried_up=carried["up"],
            carried_down=carried["down"],
            connections=carried["connections"],
            resent=resent,
            rss_mib=round(self.peak_mib, 1),
            wrong=tuple(wrong),
            figures=dict(figures or {}),
            load_before=round(self._load, 1),
        )

    def close(self) -> None:
        """End everything."""
        self._stop.set()
        for process in reversed(self.processes):
            process.kill()
            process.wait()
        if self.road is not None:
            self.road.stop()
        self._watcher.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.2):
            found = self._resident()  # it takes a moment, in which `begin` may come
            self.peak_mib = max(self.peak_mib, found)

    def _resident(self) -> float:
        whole = sum(resident_mib(pid) for pid in list(self.watched))
        return whole - sum(resident_mib(pid) for pid in self.spared)


_TICK: Final = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """User and system seconds of a process and of its children that have ended (proc(5), fields 14 to 17 of stat)."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return sum(int(each) for each in fields[11:15]) / _TICK
    return 0.0


def resident_mib(pid: int) -> float:
    """VmRSS of a process and all below it, from /proc (proc(5)); what they share is counted for each."""
    total, waiting = 0.0, [pid]
    while waiting:
        each = waiting.pop()
        with suppress(OSError):
            for line in Path(f"/proc/{each}/status").read_text("ascii").splitlines():
                if line.startswith("VmRSS:"):
                    total += int(line.split()[1]) / 1024
            for task in Path(f"/proc/{each}/task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text("ascii").split()]
    return total
