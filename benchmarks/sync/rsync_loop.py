"""rsync's daemon behind the road and `rsync -rt --partial` in a loop before it; only where it is installed."""

import hashlib
import shutil
import subprocess
import time
from pathlib import Path
from typing import Final

from benchmarks.sync.result import Result
from benchmarks.sync.run import Day, Run
from sync.free_port import free_port

RSYNC: Final = shutil.which("rsync")
SILENT_S: Final = 15
_CONFIG: Final = """\
port={port}
address=127.0.0.1
use chroot=no
[in]
path={folder}
read only=no
uid=root
gid=root
"""


def run_day(profile: str, day: Day, folder: Path) -> Result:
    """Passes until one ends well with everything there."""
    run = Run("rsync --partial, in a loop", profile, day, folder)
    source, target, port = folder / "source", folder / "target", free_port()
    target.mkdir()
    for name in run.day.names:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(run.day.folder / name, source / name)
    (folder / "rsyncd.conf").write_text(_CONFIG.format(port=port, folder=target), "utf-8")
    made_at: float | None = None
    urgent_s: float | None = None
    try:
        run.spawn([str(RSYNC), "--daemon", "--no-detach", f"--config={folder / 'rsyncd.conf'}"], name="daemon")
        road = run.lay_road(port)
        words = [str(RSYNC), "-rt", "--partial", f"--timeout={SILENT_S}", f"{source}/", f"rsync://127.0.0.1:{road}/in/"]
        run.begin()
        process: subprocess.Popen[bytes] | None = None
        total_s: float | None = None
        while run.seconds < run.limit_s and (total_s is None or urgent_s is None):
            if made_at is None and run.seconds >= run.profile.urgent_at_s:
                shutil.copy(run.day.urgent, source / ".urgent")
                (source / ".urgent").rename(source / "urgent.bin")
                made_at = run.seconds
            if process is None or process.poll() is not None:
                if process is not None and process.returncode:
                    time.sleep(0.5)
                process = run.spawn(words, name="rsync", is_sender=True)
            if made_at is not None and urgent_s is None and _same(target / "urgent.bin", run.day.urgent):
                urgent_s = run.seconds - made_at
            if total_s is None and _has_all(target, run.day):
                total_s = run.seconds
            time.sleep(0.1)
        wrong = [name for name in run.day.names if not _same(target / name, run.day.folder / name)]
        return run.result(total_s, urgent_s, wrong=wrong)
    finally:
        run.close()


def _has_all(target: Path, day: Day) -> bool:
    return all((target / name).exists() for name in day.names)  # rsync gives a file its name when it is whole


def _same(one: Path, two: Path) -> bool:
    if not one.exists() or one.stat().st_size != two.stat().st_size:
        return False
    return hashlib.sha256(one.read_bytes()).digest() == hashlib.sha256(two.read_bytes()).digest()
