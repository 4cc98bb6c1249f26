"""A lab that works: schedule published, vehicle unlocked, stop open, no limit on the road."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from commands.demo.lab import Lab


@contextmanager
def working_lab() -> Iterator[Lab]:
    """A fresh lab in a temporary folder, gone afterwards."""
    root = Path(tempfile.mkdtemp(prefix="bench-"))
    lab = Lab(root, up_bits_per_s=0, down_bits_per_s=0, delay_s=0.005)
    try:
        lab.set_up()
        lab.publish_schedule()
        lab.agent.start()
        lab.unlock()
        lab.desk("open_stop")
        yield lab
    finally:
        lab.tear_down()
        shutil.rmtree(root, ignore_errors=True)
