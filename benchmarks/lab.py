"""A lab that works: schedule published, vehicle unlocked, stop open; no limit on the road unless one is given."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from commands.demo.lab import Lab, wait_for


@contextmanager
def working_lab(
    *, up_bits_per_s: float = 0, down_bits_per_s: float = 0, delay_s: float = 0.005, broker: str = "embedded"
) -> Iterator[Lab]:
    """A fresh lab in a temporary folder, gone afterwards."""
    root = Path(tempfile.mkdtemp(prefix="bench-"))
    lab = Lab(root, up_bits_per_s=up_bits_per_s, down_bits_per_s=down_bits_per_s, delay_s=delay_s, broker=broker)
    try:
        lab.set_up()
        lab.publish_schedule()
        lab.agent.start()
        lab.unlock()
        wait_for("the schedule", lambda: lab.desk("today")["schedule_version"] or None)
        lab.desk("open_stop")
        yield lab
    finally:
        lab.tear_down()
        shutil.rmtree(root, ignore_errors=True)
