import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.errors import BadFrame, RefusedInput
from clinic_records.record import DayClosed, Kind, encode_payload
from sync.envelope import Codec, Header
from sync.messages.kind import Maker, Owner
from sync.messages.ownership import must_be_made_by
from sync.messages.table import MESSAGES, decode_payload, strange_features


def test_every_kind_has_its_row_and_owner() -> None:
    assert set(MESSAGES) == set(Kind)
    central = {kind for kind, row in MESSAGES.items() if row.owner is Owner.CENTRAL}
    assert central == {Kind.SCHEDULE, Kind.PERMISSIONS, Kind.FORMULARY, Kind.PRICES, Kind.PATIENT_SLICE}


@pytest.mark.parametrize("kind", Kind)
def test_nobody_makes_what_the_other_side_owns(kind: Kind) -> None:
    """Law 5: the hospital never writes a vehicle's thing, a vehicle never a central one, nobody changes a message."""
    row = MESSAGES[kind]
    for maker in Maker:
        is_theirs = {Owner.CENTRAL: Maker.HOSPITAL, Owner.VEHICLE: Maker.VEHICLE}.get(row.owner, maker) is maker
        if maker in row.makers:
            assert is_theirs
            must_be_made_by(maker, kind, 1)
        else:
            with pytest.raises(RefusedInput, match="is not made by"):
                must_be_made_by(maker, kind, 1)
    if row.owner is Owner.MESSAGE:
        with pytest.raises(RefusedInput, match="made once"):
            must_be_made_by(row.makers[0], kind, 2)


def test_a_payload_comes_back_as_its_struct() -> None:
    closed = DayClosed("s1", "V01", 1, 9, {"patient": 2}, "00" * 32)
    assert decode_payload(Kind.DAY_CLOSED, encode_payload(closed)) == closed
    assert decode_payload(Kind.BLOB, b"\x00raw") == b"\x00raw"


@given(st.sampled_from([each for each in Kind if MESSAGES[each].payload]), st.binary(max_size=60))
def test_no_payload_crashes_the_decoder(kind: Kind, payload: bytes) -> None:
    with pytest.raises(BadFrame):
        decode_payload(kind, payload)


def header(kind: str, *must_understand: str) -> Header:
    return Header(kind, "id", 1, "00" * 32, 0, Codec.RAW, 0, must_understand=must_understand)


def test_what_is_not_understood_is_held_with_a_reason() -> None:
    assert strange_features(header("patient")) == []
    assert strange_features(header("patient", "merge-v2")) == ["merge-v2"]
    with pytest.raises(RefusedInput, match="tele-robotics"):
        decode_payload("tele-robotics", b"{}")
