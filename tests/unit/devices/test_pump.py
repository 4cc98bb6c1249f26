"""Driver, framing and a wire that misbehaves, run as the agent runs them: in a thread, until told to stop."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread

import pytest

from clinic_records.errors import BadFrame, DeviceUnavailable, StoreError
from devices.cardiac.scp_ecg import ScpEcg
from devices.framing.base import Frame
from devices.pump import pump
from devices.registry import make_driver
from devices.simulators.ecg_scp import EcgScpSimulator, scp_record
from devices.simulators.spirometer import SpirometerSimulator, blow_record
from devices.transports.base import Transport
from devices.transports.faulty import Faults, FaultyTransport
from devices.transports.loop import LoopTransport
from devices.transports.open import open_transport
from recordings.scp_ecg.record import join

RECORDS = [join({1: bytes((number,)) * (number * 50)}) for number in range(20)]


def driver() -> ScpEcg:
    made = make_driver("scp-ecg", lambda: datetime.now(UTC))
    assert isinstance(made, ScpEcg)
    return made


def take_until_cut(wire: Transport) -> list[Frame | BadFrame]:
    taken: list[Frame | BadFrame] = []
    with pytest.raises(DeviceUnavailable):
        pump(wire, driver(), taken.append, Event())
    return taken


@contextmanager
def listening(url: str, name: str) -> Iterator[SimpleQueue[Frame | BadFrame]]:
    taken: SimpleQueue[Frame | BadFrame] = SimpleQueue()
    stop = Event()
    wire = open_transport(url)
    thread = Thread(target=pump, args=(wire, make_driver(name, lambda: datetime.now(UTC)), taken.put, stop))
    thread.start()
    try:
        yield taken
    finally:
        stop.set()
        thread.join(10.0)
        wire.close()
        assert not thread.is_alive()


def replayed(tmp_path: Path, data: bytes) -> Transport:
    file = tmp_path / "line.bin"
    file.write_bytes(data)
    return open_transport(f"replay:{file}")


def test_whole_recording_one_byte_at_a_time(tmp_path: Path) -> None:
    wire = FaultyTransport(replayed(tmp_path, b"".join(RECORDS)), Faults(is_bytewise=True), 1)
    assert [item.raw for item in take_until_cut(wire)] == RECORDS


def test_record_half_sent_when_the_wire_is_cut_is_refused_with_its_bytes(tmp_path: Path) -> None:
    wire = FaultyTransport(replayed(tmp_path, RECORDS[5]), Faults(cut_after=100), 1)
    (item,) = take_until_cut(wire)
    assert isinstance(item, BadFrame)
    assert item.raw == RECORDS[5][:100]


@pytest.mark.parametrize("seed", range(5))
def test_noise_loss_and_stalls_spoil_only_what_they_touch(seed: int) -> None:
    inner = LoopTransport()
    for record in RECORDS:
        inner.write(record)
    quiet = FaultyTransport(inner, Faults(noise=0.2, stall=0.2), seed)
    taken: list[Frame | BadFrame] = []
    stop = Event()

    def take(item: Frame | BadFrame) -> None:
        taken.append(item)
        if sum(isinstance(one, Frame) for one in taken) == len(RECORDS):
            stop.set()

    pump(quiet, driver(), take, stop)
    assert [item.raw for item in taken if isinstance(item, Frame)] == RECORDS


class Pieces(LoopTransport):
    """Each record in one read, then the cut."""

    def __init__(self) -> None:
        super().__init__()
        self._left = iter(RECORDS)

    def read(self, timeout_s: float) -> bytes:
        for record in self._left:
            return record
        raise DeviceUnavailable("unplugged")


@pytest.mark.parametrize("seed", range(5))
def test_lost_bytes_cost_their_own_records_only(seed: int) -> None:
    items = take_until_cut(FaultyTransport(Pieces(), Faults(loss=0.3), seed))
    intact = {item.raw for item in items if isinstance(item, Frame)}
    lost = sum(map(len, RECORDS)) - sum(len(item.raw) for item in items)
    assert intact <= set(RECORDS)
    assert len(RECORDS) - len(intact) == lost > 0


def test_store_that_fails_ends_the_connection_and_not_in_silence() -> None:
    wire = LoopTransport()
    wire.write(RECORDS[0])

    def refuse(item: Frame | BadFrame) -> None:
        raise StoreError("disk full")

    with pytest.raises(StoreError, match="disk full"):
        pump(wire, driver(), refuse, Event())


def test_ecg_streamed_over_a_pty_arrives_whole(tmp_path: Path) -> None:
    cart = EcgScpSimulator(tmp_path / "ecg", baud=0)
    try:
        with listening(f"serial:{cart.line.path}", "scp-ecg") as taken:
            record = scp_record(patient_id="P1", name="张伟")
            saw = cart.send(record)
            assert taken.get(timeout=60).raw == record
            assert saw.acknowledged is False
            with pytest.raises(Empty):
                taken.get(timeout=0.01)
    finally:
        cart.close()


def test_spirometer_over_a_pty_is_told_yes_only_after_its_blow_is_kept(tmp_path: Path) -> None:
    spirometer = SpirometerSimulator(tmp_path / "spiro")
    record = blow_record()
    spirometer.blow(record)
    try:
        with listening(f"serial:{spirometer.line.path}", "contec-sp80b") as taken:
            item = taken.get(timeout=20)
            assert isinstance(item, Frame)
            assert item.raw == record
            assert item.from_memory is False
    finally:
        spirometer.close()


def test_spirometer_whose_blow_is_not_kept_is_not_told_yes(tmp_path: Path) -> None:
    spirometer = SpirometerSimulator(tmp_path / "spiro")
    spirometer.blow(blow_record())
    wire = open_transport(f"serial:{spirometer.line.path}")

    def refuse(item: Frame | BadFrame) -> None:
        raise StoreError("disk full")

    try:
        with pytest.raises(StoreError):
            pump(wire, make_driver("contec-sp80b", lambda: datetime.now(UTC)), refuse, Event())
        assert spirometer.saw == ()
    finally:
        wire.close()
        spirometer.close()


class Gone(LoopTransport):
    """What it sent still arrives; it hears no answer any more."""

    def write(self, data: bytes) -> None:
        raise DeviceUnavailable("nobody listens")


def test_what_came_before_a_cut_is_kept_even_where_its_answers_reach_nobody() -> None:
    """A sender that waits for no answer and hangs up: its three messages came in one piece, and half a fourth."""
    messages = [b"\x0bMSH|^~\\&|A|B|||2026||ORU^R01|%d|P|2.3.1\rOBX|1|NM|K\r\x1c\r" % number for number in range(4)]
    wire = Gone()
    super(Gone, wire).write(b"".join(messages)[:-10])
    taken: list[Frame | BadFrame] = []
    with pytest.raises(DeviceUnavailable, match="nobody listens"):
        pump(wire, make_driver("hl7-mllp", lambda: datetime.now(UTC)), taken.append, Event())
    assert [item.raw.strip(b"\r") for item in taken] == [
        *(message.strip(b"\r") for message in messages[:3]),
        messages[3][:-10],
    ]
    assert isinstance(taken[-1], BadFrame)
