"""`python -m vehicle_agent.child PARENT_PID`: does jobs that come on stdin, inside limits, until stdin ends.

Each message, both ways: four bytes of length (big endian), then msgpack. A job that fails is an answer; a job that
breaks the process is seen by the agent as its end.
"""

import os
import resource
import sys
from typing import BinaryIO, Final

import msgspec

from clinic_records.errors import ClinicError, Hint, RefusedInput
from vehicle_agent.jobs import do
from vehicle_agent.parent import die_with

MEMORY: Final = 1536 * 1024 * 1024
"""Bytes of address space: a 200 MB ultrasound loop with its decoder fits, a decompression bomb does not."""


class Request(msgspec.Struct, frozen=True, array_like=True):
    """One job."""

    job: str
    body: bytes


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """Its result, or the class name of the error with its message and hint."""

    body: bytes = b""
    error: str = ""
    message: str = ""
    hint: tuple[str, str] = ("", "")


def answer_to(request: Request) -> Answer:
    """Do the job; what an input made a decoder raise is an answer, never the end of the process."""
    try:
        return Answer(do(request.job, request.body))
    except MemoryError:
        return Answer(error="RefusedInput", message=f"{request.job}: needs more memory than a reader may take")
    except ClinicError as error:
        return Answer(error=type(error).__name__, message=str(error), hint=_both(error.hint))
    except Exception as error:  # noqa: BLE001  a decoder's slip on hostile bytes is a refusal with the bytes kept (law 12)
        hint = _both(RefusedInput.default_hint)
        return Answer(error="RefusedInput", message=f"{request.job}: {type(error).__name__}: {error}", hint=hint)


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer requests until the source ends."""
    while head := source.read(4):
        request = msgspec.msgpack.decode(source.read(int.from_bytes(head, "big")), type=Request)
        data = msgspec.msgpack.encode(answer_to(request))
        sink.write(len(data).to_bytes(4, "big") + data)
        sink.flush()


def _both(hint: Hint) -> tuple[str, str]:
    return hint.zh, hint.en


def main() -> None:
    """Set the limits, keep stdout clean of what libraries print, serve."""
    die_with(int(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with os.fdopen(os.dup(1), "wb") as sink:
        os.dup2(2, 1)
        serve(sys.stdin.buffer, sink)


if __name__ == "__main__":
    main()
