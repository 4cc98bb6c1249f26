"""The catalog's schema, and the contract that every row of it keeps."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from clinic_records.clock import Stamp
from clinic_records.errors import BadFrame, ConfigError, RefusedInput
from clinic_records.ids import DeviceId
from clinic_records.observations import BY_KEY, OBSERVATIONS, loinc_check_digit
from clinic_records.quantity import quantity
from devices.catalog import DeviceType, Link, catalog, device_type, parse_catalog
from devices.check import check_row
from devices.delivery import Delivery, of_frame
from devices.framing.base import Frame
from devices.interpret import interpret
from devices.registry import make_driver
from devices.simulators.ecg_scp import scp_record
from devices.simulators.playing import Shaken, play, readings_of
from devices.simulators.spirometer import blow_record

PAGES = Path(__file__).parents[3] / "docs" / "devices"
ROWS = list(catalog().values())
PLAYED_ROWS = [row for row in ROWS if row.simulator]
LINE_ROWS = [row for row in ROWS if row.transport in {Link.SERIAL, Link.TCP, Link.LISTEN}]
GOOD = """
[thing]
type = 7
category = "cardiac-vitals"
maker = "M"
model = "X1"
name_zh = "仪器"
name_en = "Thing"
modality = "temperature"
transport = "serial"
protocol = "none"
driver = "scp-ecg"
observations = ["loinc:8310-5 Cel"]
evidence = "none"
status = "from documentation only"
simulator = "x:y"
"""


def identity(now: datetime) -> datetime:
    return now


def test_the_spine_is_there() -> None:
    assert {"ecg-scp", "ecg-dicom", "ultrasound-dicom", "spirometer-sp80b"} <= set(catalog())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_row_keeps_its_word(row: DeviceType) -> None:
    assert check_row(row) == []
    assert device_type(row.key) is row


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_row_has_its_page_with_the_same_status(row: DeviceType) -> None:
    page = (PAGES / f"{row.key}.md").read_text("utf-8")
    assert f"— `{row.key}`" in page.splitlines()[0]
    assert f'key = "{row.key}"' in page
    for line in ("| evidence |", "| cable |", "| on the device", "| address |", "**Test step**"):
        assert line in page
    assert f"| status | {row.status} |" in page


@pytest.mark.parametrize("row", LINE_ROWS, ids=lambda row: row.key)
class TestEveryLineDriver:
    def test_noise_is_kept_and_nothing_is_made_of_it(self, row: DeviceType) -> None:
        framing = make_driver(row.driver, lambda: datetime.now(UTC)).framing()
        noise = bytes((7, 11, 13)) * 400
        items = [*framing.feed(noise), *framing.idle()]
        assert b"".join(item.raw for item in items) == noise
        assert all(isinstance(item, BadFrame) for item in items)
        assert framing.idle() == []

    def test_connections_share_nothing(self, row: DeviceType) -> None:
        one, other = (make_driver(row.driver, lambda: datetime.now(UTC)) for _ in range(2))
        first, second = one.framing(), other.framing()
        first.feed(b"\x01half a message")
        assert second.idle() == []

    def test_greeting_can_be_said_at_any_time(self, row: DeviceType) -> None:
        for hour in (0, 23):
            now = datetime(2026, 12, 31, hour, 59, 59, 999_000, tzinfo=UTC)
            assert isinstance(make_driver(row.driver, partial(identity, now)).greeting(), bytes)


@pytest.mark.parametrize("row", PLAYED_ROWS, ids=lambda row: row.key)
class TestEverySimulator:
    def test_one_measurement_arrives_with_the_promised_codes(self, row: DeviceType, tmp_path: Path) -> None:
        items, _ = play(row)
        found = readings_of(row, items, tmp_path)
        assert found
        assert all(isinstance(item, Frame) for item in items)
        assert {reading.modality for reading in found} == {row.modality}
        promised = {text.partition(" ")[0] for text in row.observations}
        told = {f"{one.code.system}:{one.code.code}" for reading in found for one in reading.numerics}
        assert told <= promised
        assert all(one.quantity or one.absent or one.text for reading in found for one in reading.numerics)

    def test_one_byte_at_a_time_says_the_same(self, row: DeviceType, tmp_path: Path) -> None:
        items, _ = play(row, partial(Shaken, piece=1 if row.transport is not Link.FOLDER else 1000))
        assert {reading.modality for reading in readings_of(row, items, tmp_path)} == {row.modality}

    def test_a_cut_in_the_middle_gives_nothing_false(self, row: DeviceType, tmp_path: Path) -> None:
        _, whole = play(row)
        items, _ = play(row, partial(Shaken, cut_after=len(whole.said) // 2))
        for item in items:
            if isinstance(item, Frame) and row.transport is not Link.FOLDER:
                assert readings_of(row, [item], tmp_path)


@pytest.mark.parametrize("row", LINE_ROWS, ids=lambda row: row.key)
def test_noise_before_it_hides_no_measurement(row: DeviceType, tmp_path: Path) -> None:
    noise = bytes((7, 11, 13)) * 20
    items, _ = play(row, partial(Shaken, noise=noise))
    assert readings_of(row, items, tmp_path)
    assert noise in b"".join(item.raw for item in items if isinstance(item, BadFrame))


def test_loinc_codes_carry_their_check_digit() -> None:
    for row in OBSERVATIONS:
        if row.system == "loinc":
            number, _, digit = row.code.partition("-")
            assert loinc_check_digit(number) == int(digit), row.code
        if row.unit:
            quantity("1", row.unit)
        assert row.name_zh, row.key
        assert row.name_en, row.key
    assert len(BY_KEY) == len(OBSERVATIONS)


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        ('name_zh = "仪器"', "", "name_zh"),
        ('name_zh = "仪器"', 'name_zh = ""', "name_zh"),
        ('category = "cardiac-vitals"', 'category = "toys"', "toys"),
        ("type = 7", "type = 24", "23"),
        ("type = 7", "type = 0", "type 0"),
        ("8310-5 Cel", "8310-5", "unit is missing"),
        ("8310-5 Cel", "8310-5 kg", "kg"),
        ("8310-5 Cel", "8310-7 Cel", "8310-7"),
        ('simulator = "x:y"', "", "simulator"),
        ('driver = "scp-ecg"', 'driver = "dicom"', "dicom"),
        ('transport = "serial"', 'transport = "dicom"', "scp-ecg"),
        ('status = "from documentation only"', 'status = "from documentation only"\ncolour = "red"', "colour"),
        (
            'status = "from documentation only"',
            'status = "from documentation only"\ndicom_modality = "US"',
            "dicom_modality",
        ),
        ("[thing]", "[thing", "x.toml"),
    ],
)
def test_wrong_row_is_refused_by_name(was: str, becomes: str, says: str) -> None:
    parse_catalog(GOOD, "x.toml")
    with pytest.raises(ConfigError, match=says):
        parse_catalog(GOOD.replace(was, becomes), "x.toml")


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ConfigError, match="kettle"):
        device_type("kettle")
    with pytest.raises(ConfigError, match="dicom"):
        make_driver("dicom", lambda: datetime.now(UTC))


def test_delivery_of_refused_bytes_carries_the_reason_and_is_never_read(tmp_path: Path) -> None:
    stamp = Stamp(datetime.now(UTC))
    bad = of_frame(BadFrame("CRC wrong", raw=b"x"), device=DeviceId("d"), driver="scp-ecg", stamp=stamp, peer="p")
    assert bad.fault == "CRC wrong"
    with pytest.raises(BadFrame, match="CRC wrong"):
        interpret(bad, tmp_path / "never-opened")
    good = of_frame(Frame(b"x", "image/png", from_memory=True), device=DeviceId("d"), driver="scp-ecg", stamp=stamp)
    assert (good.fault, good.from_memory, good.media_type) == ("", True, "image/png")
    with pytest.raises(BadFrame, match="image/png"):
        interpret(good, tmp_path / "never-opened")


def test_line_recordings_become_readings(tmp_path: Path) -> None:
    stamp = Stamp(datetime.now(UTC))
    taken = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
    raw = tmp_path / "raw"
    raw.write_bytes(scp_record(patient_id="P1", name="张伟", sex="M", taken=taken))
    (ecg,) = interpret(Delivery(DeviceId("d"), "scp-ecg", stamp, "application/scp-ecg"), raw)
    assert (ecg.modality, ecg.subject.patient_id, ecg.subject.name) == ("ecg", "P1", "张伟")
    assert ecg.stamp.device_time == taken
    assert ecg.raw.size == raw.stat().st_size
    raw.write_bytes(blow_record(fvc=3.2, taken=taken))
    session = Delivery(DeviceId("d"), "contec-sp80b", stamp, "application/vnd.contec.sp80b-session", from_memory=True)
    (blow,) = interpret(session, raw)
    assert (blow.modality, blow.from_memory, blow.stamp.device_time) == ("spirometry", True, taken)
    assert {str(one.quantity) for one in blow.numerics} >= {"3.20\N{NO-BREAK SPACE}L"}
    raw.write_bytes(b"neither")
    with pytest.raises(RefusedInput):
        interpret(session, raw)
