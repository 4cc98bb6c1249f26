"""What is not taken, what every answer carries, and how long a session lives."""

import asyncio
import re
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from clinic_records.errors import ConfigError
from clinic_records.people import Author, Role
from clinic_web import build_assets, pages
from clinic_web.once import Once
from clinic_web.security import is_same_origin
from clinic_web.sessions import COOKIE, Sessions
from vehicle_agent.web.site import local_path

NURSE = Author("n001", "张护士", Role.NURSE)


def asking(cookie: str) -> Request:
    return Request({"type": "http", "headers": [(b"cookie", f"{COOKIE}={cookie}".encode())]})


def cookie_of(response: Response) -> str:
    found = re.search(rf"{COOKIE}=([^;]+)", response.headers["set-cookie"])
    assert found
    return found[1]


class Ticker:
    """A monotonic clock a test turns."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({"host": "car:80", "origin": "http://car:80"}, True),
        ({"host": "car", "origin": "http://evil"}, False),
        ({"host": "car", "origin": "null"}, False),
        ({"host": "car", "origin": "http://car.evil"}, False),
        ({"host": "car", "sec-fetch-site": "same-origin"}, True),
        ({"host": "car", "sec-fetch-site": "cross-site"}, False),
        ({"host": "car", "sec-fetch-site": "none"}, False),
        ({"host": "car"}, False),
        ({"host": "car", "origin": "http://evil", "sec-fetch-site": "same-origin"}, False),
    ],
)
def test_only_our_own_pages_may_change_something(headers: dict[str, str], is_ours: bool) -> None:
    assert is_same_origin(Headers(headers)) is is_ours


def test_a_session_ends_by_lock_by_idling_and_by_revocation() -> None:
    clock, response = Ticker(), Response()
    sessions = Sessions(clock, idle_s=900)
    sessions.start(NURSE, response)
    cookie = response.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    request = asking(cookie_of(response))
    clock.now = 800
    assert sessions.find(request)
    clock.now = 1600
    assert sessions.find(request, is_act=False), "an act at 800 keeps it open"
    clock.now = 1701
    assert sessions.find(request) is None
    again = Response()
    sessions.start(NURSE, again)
    sessions.end(asking(cookie_of(again)), Response())
    assert sessions.find(asking(cookie_of(again))) is None


def test_no_cookie_is_nobody() -> None:
    sessions = Sessions(Ticker(), idle_s=900)
    assert sessions.find(Request({"type": "http", "headers": []})) is None
    assert sessions.find(asking("guess")) is None


@given(st.text(max_size=60))
def test_a_goal_after_login_is_never_another_server(text: str) -> None:
    goal = local_path(text)
    assert goal.startswith("/")
    assert not goal.startswith(("//", "/\\"))
    assert httpx.URL("http://car/").join(goal).host == "car"


def test_one_press_counts_once() -> None:
    once: Once[int] = Once()
    done = []

    async def act() -> int:
        done.append(1)
        await asyncio.sleep(0)
        return len(done)

    async def press() -> None:
        assert await asyncio.gather(*(once.do("key", act) for _ in range(5))) == [1] * 5
        assert await once.do("other", act) == 2
        assert await once.do("", act) == 3

    asyncio.run(press())


def test_a_press_that_failed_can_be_pressed_again() -> None:
    once: Once[str] = Once()

    async def bad() -> str:
        raise ValueError("no")

    async def good() -> str:
        return "/enc/1"

    async def press() -> None:
        with pytest.raises(ValueError, match="no"):
            await once.do("key", bad)
        assert await once.do("key", good) == "/enc/1"

    asyncio.run(press())


def test_only_the_latest_keys_are_remembered() -> None:
    once: Once[int] = Once(limit=2)
    runs = []

    async def act() -> int:
        runs.append(1)
        return len(runs)

    async def press() -> None:
        for key in ("a", "b", "c", "a"):
            await once.do(key, act)

    asyncio.run(press())
    assert len(runs) == 4


def test_assets_are_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not build_assets.is_up_to_date(tmp_path)
    for _, target in build_assets.COPIES:
        (tmp_path / target).write_text("x", "ascii")
    (tmp_path / build_assets.STAMP).write_text(build_assets.lock_hash(), "ascii")
    monkeypatch.setattr(build_assets, "npm", lambda: pytest.fail("npm was run though nothing changed"))
    assert "up to date" in build_assets.build(tmp_path)
    (tmp_path / build_assets.COPIES[0][1]).unlink()
    assert not build_assets.is_up_to_date(tmp_path)


def test_the_lock_holds_no_addresses() -> None:
    lock = (build_assets.HERE / "package-lock.json").read_text("utf-8")
    assert "resolved" not in lock
    assert "http" not in lock
    assert lock.count('"integrity": "sha512-') == 2


def test_missing_browser_libraries_are_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "HERE", tmp_path)
    with pytest.raises(ConfigError, match=r"python -m clinic_web\.build_assets"):
        pages.mount_static(FastAPI())
