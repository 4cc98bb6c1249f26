"""What several peers' tests stand on: a browser, a vehicle's pages and a tablet that shows them, a PostgreSQL."""

import os
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from benchmarks.prefecture.database import Server, postgresql, programs
from tests.peer.screens import ARGUMENTS, PATIENCE_MS, watched
from tests.unit.web.conftest import cheap_pins, served
from tests.unit.web.web_bench import Served

__all__ = ["cheap_pins", "served"]  # fixtures


@pytest.fixture(scope="module")
def browser(need_program: Callable[[str], str]) -> Iterator[Browser]:
    """Of a module, not of the whole run: while it is open, no test of its thread can run an event loop of its own."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as driver:
        one = driver.chromium.launch(executable_path=need_program("chromium"), args=ARGUMENTS)
        yield one
        one.close()


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    """A tablet before the vehicle's pages."""
    with watched(browser, served.url) as one:
        yield one


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL for the whole run; each test makes a database of its own."""
    if programs() is None:
        message = "initdb of PostgreSQL is not installed; run `make system-packages` as root"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with postgresql() as made:
        yield made
