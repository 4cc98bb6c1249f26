"""The agent's control socket: one JSON object a line, `{"do": ..., "args": {...}}` and its answer.

It lies in the vehicle's own folder (mode 700), so who can reach it is who owns the folder. Answers are
`{"ok": true, "result": ...}` or `{"ok": false, "error": class, "message": ..., "hint": [zh, en]}`.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from clinic_records import errors
from clinic_records.errors import ClinicError, ConfigError, Hint, Offline, RefusedInput
from clinic_records.record import encode_payload

LINE_LIMIT: Final = 64 * 1024 * 1024
"""Bytes of one line: a blob asked for by hand in base64 fits, a runaway peer does not fill the memory."""

Command = Callable[[Mapping[str, Any]], Awaitable[object]]

_log = structlog.get_logger(__name__)


class Request(msgspec.Struct, frozen=True):
    """One line from a client."""

    do: str
    args: dict[str, Any] = {}


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line back."""

    ok: bool
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: str = ""
    message: str = ""
    hint: tuple[str, str] = ("", "")


class ControlServer:
    """Serves a table of commands on a unix socket."""

    def __init__(self, path: Path, commands: Mapping[str, Command]) -> None:
        self._path = path
        self._commands = commands
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; the socket a killed agent left is replaced (the agent's lock says that none runs).

        Raises:
            ConfigError: the folder takes no socket.
        """
        self._path.unlink(missing_ok=True)
        sock = socket.socket(socket.AF_UNIX)
        try:
            with _short_name(self._path) as name:
                sock.bind(name)
            self._path.chmod(0o600)
        except OSError as error:
            sock.close()
            raise ConfigError(f"{self._path}: cannot listen: {error}") from error
        self._server = await asyncio.start_unix_server(self._serve, sock=sock, limit=LINE_LIMIT)

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                reply = await self._answer(line)
                writer.write(msgspec.json.encode(reply) + b"\n")
                await writer.drain()
        except (OSError, ValueError) as error:
            _log.info("control.cut", error=type(error).__name__)
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> Reply:
        try:
            request = msgspec.json.decode(line, type=Request)
            if request.do not in self._commands:
                raise RefusedInput(f"no command {request.do!r}; known: {', '.join(sorted(self._commands))}")
            result = await self._commands[request.do](request.args)
            return Reply(ok=True, result=msgspec.Raw(encode_payload(result)))
        except ClinicError as error:
            return _failed(error)
        except msgspec.MsgspecError as error:
            return _failed(RefusedInput(f"not a request: {error}"))


def _failed(error: ClinicError) -> Reply:
    hint = (error.hint.zh, error.hint.en)
    return Reply(ok=False, error=type(error).__name__, message=str(error), hint=hint)


@contextmanager
def _short_name(path: Path) -> Iterator[str]:
    """The socket's name by way of its open folder: a socket's own path has at most 107 bytes (unix(7))."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def ask(path: Path, do: str, args: Mapping[str, Any] | None = None, *, timeout_s: float = 30.0) -> Any:
    """One command to a running agent, blocking; its result as plain JSON values.

    Raises:
        Offline: no agent is running there.
        ClinicError: what the command raised, as its own class.
    """
    return msgspec.json.decode(ask_raw(path, do, args, timeout_s=timeout_s))


def ask_raw(path: Path, do: str, args: Mapping[str, Any] | None = None, *, timeout_s: float = 30.0) -> bytes:
    """As `ask`, but the result's JSON bytes."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(timeout_s)
        try:
            with _short_name(path) as name:
                sock.connect(name)
            sock.sendall(msgspec.json.encode({"do": do, "args": args or {}}) + b"\n")
            with sock.makefile("rb") as lines:
                line = lines.readline()
        except OSError as error:
            raise _not_running(path) from error
    if not line:
        raise _not_running(path)
    reply = msgspec.json.decode(line, type=Reply)
    if not reply.ok:
        kind = getattr(errors, reply.error, None)
        known = kind if isinstance(kind, type) and issubclass(kind, ClinicError) else ClinicError
        raise known(reply.message, hint=Hint(*reply.hint))
    return bytes(reply.result)


def _not_running(path: Path) -> Offline:
    return Offline(
        f"no agent answers at {path}",
        hint=Hint("车上程序没有运行。先启动：clinic vehicle run", "The agent is not running: clinic vehicle run"),
    )
