"""A study of 2 GB while the nurse works: python -m benchmarks.dicom_study."""

import shutil
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from benchmarks.dicom import peak_mib, send
from benchmarks.dicom_objects import make
from benchmarks.dicom_peers import Store
from benchmarks.lab import working_lab
from benchmarks.page_delay import logged_in
from clinic_records.errors import ClinicError

FILES: Final = 100
FRAMES: Final = 65
"""20 MB a loop."""
LIMIT_MIB: Final = 100
PAGE_AIM_S: Final = 1.0
_EVERY_S: Final = 0.05


@dataclass
class Page:
    """A nurse who looks at today's page again and again."""

    client: httpx.Client
    seconds: list[float] = field(default_factory=list)

    def look(self) -> None:
        """Once.

        Raises:
            ClinicError: it is not answered.
        """
        started = time.perf_counter()
        answer = self.client.get("/")
        self.seconds.append(time.perf_counter() - started)
        if answer.status_code != httpx.codes.OK:
            raise ClinicError(f"the page answered {answer.status_code}")

    def look_until(self, stop: threading.Event) -> None:
        """Again and again."""
        while not stop.wait(_EVERY_S):
            self.look()

    def __str__(self) -> str:
        worst = statistics.quantiles(self.seconds, n=20)[-1]
        return f"median {statistics.median(self.seconds):.3f} s, 95 % {worst:.3f} s, worst {max(self.seconds):.3f} s"


def main() -> int:
    """Print the figures; 1 when an aim is missed."""
    root = Path(tempfile.mkdtemp(prefix="bench-study-"))
    try:
        batch = make(root, "study", FILES, FRAMES)
        with working_lab() as lab, logged_in(lab) as client:
            quiet, busy = Page(client), Page(client)
            for _ in range(40):
                quiet.look()
            stop = threading.Event()
            looking = threading.Thread(target=busy.look_until, args=(stop,))
            looking.start()
            try:
                seconds = send(batch, Store(lab.dicom_port, lab.listener_pid()))
                mib = peak_mib(lab.listener_pid())
            finally:
                stop.set()
                looking.join()
    finally:
        shutil.rmtree(root)
    sys.stdout.write(
        f"| a study of {batch.size / 1e9:.2f} GB, {FILES} objects | {batch.megabytes / seconds:.0f} MB/s |\n"
        f"| listener's peak (limit {LIMIT_MIB} MiB) | {mib:.0f} MiB |\n"
        f"| nurse's page before | {quiet} |\n"
        f"| nurse's page meanwhile | {busy} |\n"
    )
    return int(mib > LIMIT_MIB or statistics.median(busy.seconds) > PAGE_AIM_S)


if __name__ == "__main__":
    sys.exit(main())
