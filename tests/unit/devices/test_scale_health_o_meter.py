"""The Health o meter scale: what its packets say, and what none of them may do."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.errors import BadFrame, RefusedInput
from clinic_records.reading import AbsentReason
from devices.catalog import device_type
from devices.framing.base import Frame
from devices.identity.scale_health_o_meter import ScaleHealthOMeter, read
from devices.simulators.scale_health_o_meter import PACKET

TEXT = PACKET.decode()
ROOT = Path(__file__).parents[3]


def test_the_manuals_example_is_weight_height_and_bmi() -> None:
    said = read(TEXT)
    assert [str(one.quantity).replace("\N{NO-BREAK SPACE}", " ") for one in said.numerics] == [
        "90.98 kg",
        "178.70 cm",
        "28.5 kg/m2",
    ]
    assert (said.subject.patient_id, said.notes) == ("1234567890", ("tare taken out by the scale: 5.70 kg",))


def test_no_id_no_tare_and_weight_alone() -> None:
    said = read("\x1bR\x1bI0000000000\x1bW70.00\x1bT0.00\x1bNm\x1bE")
    assert (len(said.numerics), said.subject.patient_id, said.notes) == (1, "", ())


def test_a_load_out_of_range_is_no_weight() -> None:
    (weight,) = read("\x1bR\x1bW999.99\x1bNm\x1bE").numerics
    assert (weight.quantity, weight.absent) == (None, AbsentReason.ERROR)


@pytest.mark.parametrize("unit", ["\x1bNc", "", "\x1bN"])
def test_pounds_are_refused_and_the_way_out_is_said(unit: str) -> None:
    with pytest.raises(RefusedInput, match="not metric") as refused:
        read(f"\x1bR\x1bW200.00{unit}\x1bE")
    assert "公制" in refused.value.hint.zh


@pytest.mark.parametrize("text", ["", "W70", "\x1bRW70", "\x1bR\x1bW70\x1bW80\x1bNm\x1bE"])
def test_what_is_no_packet_is_refused(text: str) -> None:
    with pytest.raises(BadFrame):
        read(text)


def test_two_weighings_in_one_read_and_a_torn_one_before() -> None:
    framing = ScaleHealthOMeter(lambda: datetime.now(UTC)).framing()
    items = framing.feed(PACKET[7:] + PACKET[:9] + PACKET + PACKET)
    assert [item.raw for item in items if isinstance(item, Frame)] == [PACKET, PACKET]


@given(st.text(st.characters(codec="ascii"), max_size=40))
def test_no_packet_breaks_it(body: str) -> None:
    for text in (body, f"\x1bR\x1bW{body}\x1bNm\x1bE", f"\x1bR{body}\x1bNm\x1bE"):
        try:
            read(text)
        except RefusedInput:
            continue


def test_the_device_is_less_than_a_hundred_lines() -> None:
    """What somebody writes for a simple device, as docs/adding-a-device.md says: driver, decoder, simulator, row."""
    files = ("devices/identity/scale_health_o_meter.py", "devices/simulators/scale_health_o_meter.py")
    code = [line for name in files for line in (ROOT / name).read_text("utf-8").splitlines() if line.strip()]
    catalog = (ROOT / "devices" / "catalog.toml").read_text("utf-8")
    row = catalog.partition("[scale-health-o-meter]")[2].partition("\n\n")[0]
    assert device_type("scale-health-o-meter").modality == "body"
    assert len(code) + len(row.splitlines()) < 100
