"""ASTM against python-astm (package astm-2025), an independent implementation of E1381 and E1394.

Its codec reads the same captured files and makes frames for our receiver, and its server's handler takes from our
sender. Its sockets and its encoding of text do not work under Python 3, so bytes are handed over in memory.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from clinic_records.errors import BadFrame
from devices.framing.astm.sender import AstmSender, State
from devices.framing.base import Frame
from devices.laboratory.astm import AstmHost
from devices.simulators.astm_analysers import cobas_c111_frames, xn_frames, xp100_frames, yumizen_frames
from recordings.astm.frames import ACK, ENQ
from recordings.astm.results import decode_astm

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(find_spec("astm") is None, reason="astm-2025 is not installed"),
]

RECORDS: list[list[Any]] = [
    ["H", "\\^&", None, None, ["XP-100", "00-13"], *[None] * 6, "P", "E1394-97"],
    ["P", "1", "A-17", None, None, ["王", "秀英"], None, "19491231", "F"],
    ["O", "1", "S-0001", None, [None, None, None, "WBC"]],
    ["R", "1", [None, None, None, None, "WBC"], "6.1", "10*3/uL", None, "N", None, "F", *[None] * 3, "20261123075900"],
    ["C", "1", "I", "x" * 300],
    ["L", "1", "N"],
]  # fmt: skip


def plain(value: Any) -> str:
    """The peer's value of R-4 or R-5 as text."""
    return (value or "").strip()


@pytest.mark.parametrize("name", ["sysmex_xp100", "cobas_c111", "abbott_afinion2", "pentra_xlr"])
def test_both_read_the_same_results_from_captured_files(shared_data: Path, name: str) -> None:
    raw = (shared_data / f"devices/astm/senaite.astm__{name}.txt").read_bytes()
    frames = [b"\x02" + part.rstrip(b"\r\n") + b"\r\n" for part in raw.split(b"\x02")[1:]]
    records = [record for frame in frames for record in _flat(import_module("astm.codec").decode(frame, "latin-1"))]
    theirs = [(next(part for part in one[2][3:] if part), plain(one[3])) for one in records if one[0] == "R"]
    ours = [
        (one.code.code, str(one.quantity.value) if one.quantity else one.text)
        for recording in decode_astm(raw)
        for one in recording.numerics
    ]
    assert len(ours) == len(theirs) > 0
    for (code, said), (test, value) in zip(ours, theirs, strict=True):
        assert code, test
        assert said == ("" if set(value) == {"-"} else value), test


def _flat(decoded: Any) -> Iterator[Any]:
    for one in decoded:
        if isinstance(one[0], list):
            yield from one
        else:
            yield one


@pytest.mark.parametrize("chunk", [None, 47, 247])
def test_what_the_peer_makes_arrives(chunk: int | None) -> None:
    host = AstmHost(lambda: datetime.now(UTC))
    framing = host.framing()
    items = framing.feed(ENQ)
    number = 1
    for record in RECORDS:
        for frame in import_module("astm.codec").encode([_in_bytes(record)], "utf-8", chunk, number):
            number += 1
            heard = framing.feed(frame)
            assert b"".join(host.answer(item) for item in heard if isinstance(item, Frame)) == ACK
            items += heard
    (message,) = [item for item in items if isinstance(item, Frame) and item.deliver]
    assert not any(isinstance(item, BadFrame) for item in items)
    (decoded,) = decode_astm(message.raw)
    assert decoded.patient == {
        "patient_id": "A-17",
        "name": "王 秀英",
        "birth_date": "1949-12-31",
        "sex": "F",
        "accession": "S-0001",
    }
    assert [(one.code.code, str(one.quantity)) for one in decoded.numerics] == [
        ("6690-2", "6.1\N{NO-BREAK SPACE}10*3/uL")
    ]


@pytest.mark.parametrize("frames", [xp100_frames(), xn_frames(), yumizen_frames(), cobas_c111_frames()])
def test_the_peer_takes_every_frame_of_our_sender(frames: tuple[bytes, ...]) -> None:
    taken: list[Any] = []
    handler = import_module("astm.server").RequestHandler(None, taken.append)
    sender = AstmSender(frames)
    said = sender.start()
    while not sender.is_over:
        answer = _answer(handler, said)
        said = sender.feed(answer)
    assert sender.state is State.DONE
    assert sender.refused == 0
    assert taken


def _in_bytes(value: Any) -> Any:
    """The peer encodes no text under Python 3, only bytes."""
    if isinstance(value, list):
        return [_in_bytes(each) for each in value]
    return value.encode() if isinstance(value, str) else value


def _answer(handler: Any, said: bytes) -> bytes:
    if said == ENQ:
        return bytes(handler.on_enq())
    handler._last_recv_data = said
    return bytes(handler.on_message())
