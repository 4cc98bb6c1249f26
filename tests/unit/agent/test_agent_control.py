"""The control socket: answers, errors in their own class, and what is no request."""

import asyncio
import socket
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from clinic_records.errors import ConfigError, Hint, NotFound, Offline, RefusedInput
from vehicle_agent.control import ControlServer, ask

T = TypeVar("T")


async def echo(args: Mapping[str, Any]) -> object:
    return dict(args)


async def lost(_: Mapping[str, Any]) -> object:
    raise NotFound("nobody of that name", hint=Hint("查无此人", "nobody"))


def with_server(path: Path, client: Callable[[], T]) -> T:
    async def go() -> T:
        server = ControlServer(path, {"echo": echo, "lost": lost})
        await server.start()
        try:
            return await asyncio.to_thread(client)
        finally:
            await server.stop()

    return asyncio.run(go())


def test_a_command_and_its_answer(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    assert with_server(path, partial(ask, path, "echo", {"name": "王秀英"})) == {"name": "王秀英"}
    assert not path.exists()


def test_an_error_arrives_as_itself(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    with pytest.raises(NotFound, match="nobody of that name") as caught:
        with_server(path, partial(ask, path, "lost"))
    assert caught.value.hint.zh == "查无此人"
    with pytest.raises(RefusedInput, match="known: echo, lost"):
        with_server(path, partial(ask, path, "dance"))


def test_what_is_no_request_is_refused_and_the_line_lives_on(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"

    def talk() -> list[bytes]:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(20)
            sock.connect(str(path))
            with sock.makefile("rwb") as lines:
                lines.write(b'rubbish\n{"do":"echo","args":{"a":1}}\n')
                lines.flush()
                return [lines.readline(), lines.readline()]

    refused, answered = with_server(path, talk)
    assert b'"ok":false' in refused
    assert b"RefusedInput" in refused
    assert b'"result":{"a":1}' in answered


def test_nobody_there_is_offline(tmp_path: Path) -> None:
    with pytest.raises(Offline):
        ask(tmp_path / "agent.sock", "status")


def test_a_socket_left_by_a_killed_agent_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert with_server(path, partial(ask, path, "echo")) == {}


def test_a_folder_deeper_than_a_socket_address_is_served_too(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    path = folder / "agent.sock"
    assert with_server(path, partial(ask, path, "echo")) == {}


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "agent.sock"
    with pytest.raises(ConfigError, match="cannot listen"):
        with_server(path, lambda: None)
    with pytest.raises(Offline, match="no agent answers"):
        ask(path, "echo")
