"""`make bench-sync`, or `python -m benchmarks.sync [--profile clean] [--day generated] [--only NAME ...]`."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.sync import mqtt_plain, nats_leaf, ours, raw_tcp, rsync_loop, urgent
from benchmarks.sync.day import BYTES, FILES, SHA256, URGENT, digest, generated_day, write_day
from benchmarks.sync.jpeg_frames import jpeg_loop
from benchmarks.sync.profiles import PROFILES
from benchmarks.sync.real_frames import real_loop
from benchmarks.sync.result import LEDGER, Result, append, read
from benchmarks.sync.run import Day
from benchmarks.sync.table import write_page

DAYS: Final = {"generated": None, "real": real_loop, "jpeg": jpeg_loop}
Rival = Callable[[str, Day, Path], Result]
RIVALS: Final[Mapping[str, Rival]] = {
    "raw": raw_tcp.run_day,
    "ours": partial(ours.run_day, broker="embedded"),
    "ours-mosquitto": partial(ours.run_day, broker="mosquitto"),
    "nats": nats_leaf.run_day,
    "bridge": partial(mqtt_plain.run_day, has_bridge=True),
    "paho": partial(mqtt_plain.run_day, has_bridge=False),
    "rsync": rsync_loop.run_day,
    "raw-after": partial(raw_tcp.run_day, name="raw TCP again, after the others"),
    "urgent": partial(urgent.run_day, broker="embedded"),
    "urgent-mosquitto": partial(urgent.run_day, broker="mosquitto"),
}
"""In the order they run; raw TCP before and after says how much the machine drifted meanwhile."""
USUAL: Final = [name for name in RIVALS if not name.startswith("urgent")]
MISSING: Final = ({"rsync"} if rsync_loop.RSYNC is None else set()) | (
    {"bridge", "paho", "ours-mosquitto", "urgent-mosquitto"} if mqtt_plain.MOSQUITTO is None else set()
)


def make_day(name: str, folder: Path) -> Day:
    """The files of one of DAYS, checked."""
    manifest = write_day(folder, generated_day(DAYS[name]))
    found = (len(manifest), sum(size for size, _ in manifest.values()), digest(folder, manifest))
    if name == "generated" and found != (FILES, BYTES, SHA256):
        sys.exit(f"the generated day is another one: {found}")
    return Day(name, folder, manifest, folder / URGENT)


def line_of(result: Result) -> str:
    """One run on one line."""
    done = "never" if result.total_s is None else f"{result.total_s:.1f} s"
    urgent = "" if result.urgent_s is None else f", urgent {result.urgent_s:.2f} s"
    over = f", {result.carried_up / result.payload:.3f} of the payload sent up, {result.rss_mib:.0f} MiB"
    return f"{result.profile} {result.day} {result.rival}: {done}{urgent}{over} {' '.join(result.wrong[:5])}"


def main() -> int:
    """1 when a run of ours lost, altered or doubled something or did not end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--profile", choices=sorted(PROFILES), default="clean")
    parser.add_argument("--day", choices=sorted(DAYS), default="generated")
    parser.add_argument("--only", nargs="*", choices=sorted(RIVALS), default=USUAL)
    parser.add_argument("--ledger", type=Path, default=LEDGER)
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    is_bad = False
    root = Path(tempfile.mkdtemp(prefix="sync-"))
    try:
        day = make_day(asked.day, root / "day")
        for name in [each for each in RIVALS if each in asked.only and each not in MISSING]:
            folder = (asked.keep or root) / name
            folder.mkdir(parents=True)
            result = RIVALS[name](asked.profile, day, folder)
            append(result, asked.ledger)
            print(line_of(result), flush=True)
            is_bad |= name.startswith("ours") and bool(result.wrong)
    finally:
        shutil.rmtree(root)
    if asked.ledger == LEDGER:
        write_page(read())
    return int(is_bad)


if __name__ == "__main__":
    sys.exit(main())
