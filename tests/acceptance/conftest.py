"""One lab a module: a hospital and a vehicle as separate processes."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.demo.lab import Lab, wait_for


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Schedule published, vehicle unlocked, stop open, no limit on the road."""
    root = Path(tempfile.mkdtemp(prefix="clinic-"))
    made = Lab(root, up_bits_per_s=0, down_bits_per_s=0, delay_s=0.005)
    try:
        made.set_up()
        made.publish_schedule()
        made.agent.start()
        made.unlock()
        wait_for("the schedule", lambda: made.desk("today")["schedule_version"] or None)
        made.desk("open_stop")
        yield made
    finally:
        made.tear_down()
        shutil.rmtree(root, ignore_errors=True)
