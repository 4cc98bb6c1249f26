"""Fixtures that say loudly what is missing instead of passing in silence."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from xdist.remote import Producer

from tests.spread import ByModule, longest_first

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def shared_data() -> Path:
    """The folder of real device files, vectors and schedules beside the checkout."""
    if not SHARED_DATA.is_dir():
        pytest.skip("no ../shared/data here: tests on real device files are left out")
    return SHARED_DATA


@pytest.fixture(scope="session")
def need_program() -> Callable[[str], str]:
    """Path of a third-party program; where it is missing the test skips, and fails in CI."""

    def find(name: str) -> str:
        path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
        if path is None:
            message = f"{name} is not installed; run `make system-packages` as root"
            if os.environ.get("CI"):
                pytest.fail(message)
            pytest.skip(message)
        return path

    return find


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first."""
    longest_first(items)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByModule:
    """Modules are handed out whole, in the order of the collection."""
    config.option.loadscopereorder = False
    return ByModule(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line, above pytest's own last one, of what was not tried here and how to have it tried."""
    skipped = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    programs = sorted(
        {text.split("Skipped: ")[1].split(" is not installed")[0] for text in skipped if " is not installed" in text}
    )
    without_data = any("no ../shared/data here" in text for text in skipped)
    if programs or without_data:
        parts = [f"without {', '.join(programs)} (as root: make system-packages)"] * bool(programs)
        parts += ["without the real device files of ../shared/data"] * without_data
        terminalreporter.write_line(f"NOT TRIED HERE, {len(skipped)} tests skipped: " + "; ".join(parts), yellow=True)
