"""PDUs, command sets and messages of an association: cut anywhere, nothing lost, nothing taken for another's."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import UID
from pynetdicom import pdu as peer_pdu
from pynetdicom.dimse_messages import C_STORE_RQ, C_STORE_RSP, DIMSEMessage
from pynetdicom.dimse_primitives import C_STORE

from clinic_records.errors import BadFrame
from devices.dicom.command import Command
from devices.dicom.flow import MOST_COMMAND, MOST_OTHER, Began, Data, Ended, Event, Flow, Passed
from devices.dicom.pdu import HEAD, LONGEST_PDU, LONGEST_REQUEST, Pdu, PduReader, data_values, missing_of_request
from tests.unit.devices.dimse import US, command, element, item


def events(flow: Flow, *bodies: bytes) -> list[Event]:
    found: list[Event] = []
    for body in bodies:
        found += [
            Data(memoryview(bytes(each.data))) if isinstance(each, Data) else each
            for each in flow.feed(memoryview(body))
        ]
    return found


def drive(reader: PduReader, stream: bytes, sizes: list[int]) -> list[tuple[int, bytes]]:
    """Feed the stream in pieces of these sizes, again and again."""
    found: list[tuple[int, bytes]] = []
    at, turn = 0, 0
    while at < len(stream):
        room = reader.room()
        size = min(len(room), len(stream) - at, sizes[turn % len(sizes)])
        room[:size] = stream[at : at + size]
        pdus: list[Pdu] = reader.took(size)
        found += [(kind, bytes(body)) for kind, body in pdus]
        at, turn = at + size, turn + 1
    return found


@settings(deadline=None, max_examples=60)
@given(
    bodies=st.lists(st.tuples(st.integers(1, 7), st.binary(max_size=300) | st.just(bytes(200_000))), max_size=8),
    sizes=st.lists(st.integers(1, 70_000), min_size=1, max_size=5),
)
def test_pdus_come_out_as_they_went_in_however_they_are_cut(bodies: list[tuple[int, bytes]], sizes: list[int]) -> None:
    stream = b"".join(HEAD.pack(kind, len(body)) + body for kind, body in bodies)
    reader = PduReader()
    assert drive(reader, stream, sizes) == bodies
    assert reader.is_between
    assert drive(PduReader(), stream[:600], [1]) == drive(PduReader(), stream[:600], [600])


def test_a_long_pdu_is_taken_up_to_the_limit_and_the_buffer_holds() -> None:
    reader = PduReader()
    longest = HEAD.pack(4, LONGEST_PDU) + bytes(LONGEST_PDU)
    assert [len(body) for _, body in drive(reader, longest * 2, [65_536])] == [LONGEST_PDU, LONGEST_PDU]
    for head in (HEAD.pack(4, LONGEST_PDU + 1), HEAD.pack(1, 0xFFFF_FFFF), HEAD.pack(0, 4), HEAD.pack(8, 4)):
        with pytest.raises(BadFrame):
            drive(PduReader(), head, [6])


def test_an_association_request_is_waited_for_and_nothing_else() -> None:
    request = HEAD.pack(1, 70) + bytes(70)
    for size in range(len(request)):
        missing = missing_of_request(request[:size])
        assert missing == (6 - size if size < 6 else len(request) - size)
    assert missing_of_request(request) == 0
    for other in (b"\x04", HEAD.pack(4, 10), HEAD.pack(1, LONGEST_REQUEST + 1), b"GET / HTTP/1.1\r\n"):
        with pytest.raises(BadFrame):
            missing_of_request(other)


def test_an_object_over_many_pdus() -> None:
    found = events(Flow(), item(3, command()), item(0, b"abc"), item(0, b"d") + item(0, b"e"), item(2, b"f"))
    assert isinstance(found[0], Began)
    assert found[0].command == Command(1, 7, US, "1.2.3", has_data_set=True)
    assert b"".join(bytes(each.data) for each in found if isinstance(each, Data)) == b"abcdef"
    assert found[-1] == Ended()


@pytest.mark.parametrize("cut", [1, 2, 50, 100])
def test_a_command_in_pieces_with_its_data_behind_it(cut: int) -> None:
    whole = command()
    split = item(1, whole[:cut]) + item(3, whole[cut:]) + item(2, b"data")
    apart = events(Flow(), item(1, whole[:cut]), item(3, whole[cut:]), item(2, b"data"))
    assert events(Flow(), split) == apart
    assert [type(each) for each in apart] == [Began, Data, Ended]


def test_other_messages_are_handed_on_untouched_and_in_order() -> None:
    echo, find = command(0x30, data=0), command(0x20)
    bodies = [item(1, find[:9]), item(3, find[9:]), item(0, b"que"), item(2, b"ry"), item(3, echo)]
    flow = Flow()
    assert events(flow, *bodies) == [Passed(body) for body in bodies]
    assert [type(each) for each in events(flow, item(3, command()), item(2, b"x"))] == [Began, Data, Ended]
    assert [type(each) for each in events(Flow(), item(3, command(data=0)))] == [Began, Ended]


@pytest.mark.parametrize(
    "bodies",
    [
        [item(0, b"data without a command")],
        [item(3, command()), item(3, command())],
        [item(3, command()), item(0, b"x", context=5)],
        [item(3, command()) + item(2, b"x") + item(3, command(0x30, data=0))],
        [item(3, command(0x30, data=0)) + item(3, command())],
        [item(3, b"\x02\x00")],
        [item(3, element(0x0100, b"\1"))],
        [item(3, element(0x0100, b"\1\0"))],
        [item(3, struct.pack("<HHL", 0, 2, 0xFFFF_FFFF))],
        [item(3, struct.pack("<HHL", 8, 2, 0))],
        [item(1, bytes(MOST_COMMAND // 2))] * 3,
        [item(1, b"\0")] + [item(1, b"")] * 2000,
        [item(3, command(0x20))] + [item(0, bytes(1 << 20))] * (MOST_OTHER >> 20) + [item(0, b"x")],
        [b"\0\0\0"],
        [struct.pack(">LBB", 1, 3, 3)],
        [struct.pack(">LBB", 100, 3, 3) + b"short"],
    ],
)
def test_what_is_no_sequence_of_messages_is_refused(bodies: list[bytes]) -> None:
    flow = Flow()
    with pytest.raises(BadFrame):
        events(flow, *bodies)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.binary(max_size=200), max_size=6))
def test_no_bytes_do_anything_but_be_refused(bodies: list[bytes]) -> None:
    flow = Flow()
    try:
        events(flow, item(3, command()), *bodies)
        for body in bodies:
            list(data_values(memoryview(body)))
            Command.decode(body)
    except BadFrame:
        pass


def test_a_peer_writes_what_we_read_and_reads_what_we_write() -> None:
    asked = C_STORE()
    asked.MessageID, asked.Priority = 500, 0
    asked.AffectedSOPClassUID, asked.AffectedSOPInstanceUID = UID(US), UID("1.2.840.1")
    message = C_STORE_RQ()
    message.primitive_to_message(asked)
    fragment = message.encode_msg(3, 16_382).__next__()
    body = peer_pdu.P_DATA_TF()
    body.from_primitive(fragment)
    (began, _) = events(Flow(), body.encode()[6:])
    assert isinstance(began, Began)
    assert (began.command.message_id, began.command.sop_instance) == (500, "1.2.840.1")

    pdu = peer_pdu.P_DATA_TF()
    pdu.decode(began.command.store_response(3, 0xA700))
    answered = DIMSEMessage()
    assert answered.decode_msg(pdu.to_primitive())
    assert isinstance(answered, C_STORE_RSP)
    primitive = answered.message_to_primitive()
    assert isinstance(primitive, C_STORE)
    assert (primitive.MessageIDBeingRespondedTo, primitive.Status) == (500, 0xA700)
    assert primitive.AffectedSOPInstanceUID == "1.2.840.1"
