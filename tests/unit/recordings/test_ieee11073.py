"""What personal health devices measured, from APDUs built by the standard and from the published examples."""

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame, ClinicError, RefusedInput
from clinic_records.reading import AbsentReason, Numeric
from recordings.decode import decode_all
from recordings.formats import FORMATS
from recordings.ieee11073 import nomenclature as mdc
from recordings.ieee11073.apdu import ACTION_RESULT, CONFIRMED_EVENT_REPORT, EVENT_REPORT, GET_RESULT, Data, event
from recordings.ieee11073.apdu import presentation as present
from recordings.ieee11073.association import request
from recordings.ieee11073.attributes import Entry, attribute_list
from recordings.ieee11073.configuration import ConfigObject, Configuration, numeric
from recordings.ieee11073.decode import MAX_BYTES, decode, looks_like
from recordings.ieee11073.floats import float32, sfloat
from recordings.ieee11073.mder import absolute_time, base_offset_time, octets, sequence, u16, u32
from recordings.ieee11073.reports import fixed_report
from recordings.ieee11073.segments import Element, segment_map
from recordings.ieee11073.standard import BASIC, SIMPLE, STAMP

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=CHINA)
SYSTEM = bytes.fromhex("0022092258080001")
PRESSURE = u16(3) + octets(sfloat(Decimal(128)) + sfloat(Decimal(82)) + sfloat(Decimal(97)))


def report(info: bytes, kind: int = mdc.NOTI_SCAN_REPORT_FIXED, *, handle: int = 0, confirmed: bool = True) -> bytes:
    choice = CONFIRMED_EVENT_REPORT if confirmed else EVENT_REPORT
    return present(Data(1, choice, event(handle, kind, info)))


def configuration(*objects: ConfigObject) -> bytes:
    made = Configuration(0x4000, {each.handle: each for each in objects})
    return report(made.encode(), mdc.NOTI_CONFIG)


def attributes(clock: datetime = NOW) -> bytes:
    told = {
        mdc.ATTR_ID_MODEL: octets("康泰 Contec\0".encode()) + octets(b"BP-1 "),
        mdc.ATTR_ID_PROD_SPECN: sequence((u16(1) + u16(0) + octets(b"SN-77"), u16(5) + u16(0) + octets(b"1.0"))),
        mdc.ATTR_TIME_ABS: absolute_time(clock),
    }
    return present(Data(2, GET_RESULT, u16(0) + attribute_list(told)))


def blood_pressure(at: datetime = NOW, pressure: bytes = PRESSURE, pulse: bytes = sfloat(Decimal(71))) -> bytes:
    stamp = absolute_time(at)
    return report(fixed_report(0, ((1, pressure + stamp), (2, pulse + stamp))))


def said(numerics: tuple[Numeric, ...]) -> dict[str, str]:
    return {n.code.code: f"{n.quantity.value} {n.quantity.unit}" if n.quantity else str(n.absent) for n in numerics}


def test_blood_pressure_of_a_standard_configuration() -> None:
    (one,) = decode(request(SYSTEM, 0x02BC) + attributes() + blood_pressure())
    assert said(one.numerics) == {
        "8480-6": "128 mm[Hg]",
        "8462-4": "82 mm[Hg]",
        "8478-0": "97 mm[Hg]",
        "8867-4": "71 /min",
    }
    assert (one.modality, one.start, one.from_memory) == ("blood-pressure", NOW, False)
    assert {key: one.device[key] for key in ("manufacturer", "model", "serial", "configuration", "time_zone")} == {
        "manufacturer": "康泰 Contec",
        "model": "BP-1",
        "serial": "SN-77",
        "configuration": "02bc",
        "time_zone": "assumed",
    }


def test_failed_measurement_has_no_value() -> None:
    failed = u16(3) + octets(bytes.fromhex("07ff07ff0800"))
    (one,) = decode(request(SYSTEM, 0x02BC) + attributes() + blood_pressure(pressure=failed, pulse=b"\x07\xfe"))
    assert [n.quantity for n in one.numerics] == [None] * 4
    assert [n.absent for n in one.numerics] == [
        AbsentReason.NOT_A_NUMBER,
        AbsentReason.NOT_A_NUMBER,
        AbsentReason.ERROR,
        AbsentReason.ERROR,
    ]


def test_several_measurements_in_one_report_are_from_memory() -> None:
    old = NOW - timedelta(minutes=3)
    entries = tuple(
        (handle, data + absolute_time(at)) for at in (NOW, old) for handle, data in ((1, PRESSURE), (2, b"\0\x47"))
    )
    both = decode(request(SYSTEM, 0x02BC) + attributes() + report(fixed_report(0, entries)))
    assert [(one.start, one.from_memory, len(one.numerics)) for one in both] == [(NOW, True, 4), (old, True, 4)]
    assert both[0].device["source_id"] != both[1].device["source_id"]


@pytest.mark.parametrize(
    ("clock", "is_old"),
    [
        (NOW + timedelta(minutes=9), False),
        (NOW + timedelta(minutes=11), True),
        (NOW - timedelta(minutes=11), True),
        (NOW.replace(year=2010), True),
    ],
)
def test_old_by_the_devices_own_clock_is_from_memory(clock: datetime, is_old: bool) -> None:
    (one,) = decode(request(SYSTEM, 0x02BC) + attributes(clock) + blood_pressure())
    assert one.from_memory is is_old


def test_time_without_the_devices_clock_is_not_trusted() -> None:
    (one,) = decode(request(SYSTEM, 0x02BC) + blood_pressure())
    assert one.from_memory


def test_base_offset_times_need_no_assumed_zone() -> None:
    weight = numeric(1, mdc.MASS_BODY_ACTUAL, mdc.DIM_KILO_G, (BASIC, Entry(mdc.ATTR_TIME_STAMP_BO, 8)))
    told = present(Data(2, GET_RESULT, u16(0) + attribute_list({mdc.ATTR_TIME_BO: base_offset_time(NOW)})))
    scan = ((1, b"\0\x3e" + base_offset_time(NOW)),)
    (one,) = decode(request(SYSTEM, 0x4000) + configuration(weight) + told + report(fixed_report(0, scan)))
    assert (one.start, one.from_memory, "time_zone" in one.device) == (NOW, False, False)


def test_same_measurement_sent_again_has_the_same_id() -> None:
    first, again = (
        decode(request(SYSTEM, 0x02BC) + attributes(clock) + blood_pressure())[0]
        for clock in (NOW, NOW.replace(hour=10))
    )
    other = decode(request(bytes(8), 0x02BC) + attributes() + blood_pressure())[0]
    assert first.device["source_id"] == again.device["source_id"] != other.device["source_id"]


def test_clock_never_set_gives_no_start_and_says_so() -> None:
    scan = ((1, PRESSURE + bytes(8)), (2, b"\0\x47" + bytes(8)))
    (one,) = decode(request(SYSTEM, 0x02BC) + attributes() + report(fixed_report(0, scan)))
    assert (one.start, "source_id" in one.device) == (None, False)
    assert any("clock is not set" in note for note in one.notes)


def test_extended_configuration_decides_unit_and_meaning() -> None:
    pounds = numeric(7, mdc.MASS_BODY_ACTUAL, mdc.DIM_LB, (SIMPLE,))
    fat = numeric(8, mdc.BODY_FAT, mdc.DIM_PERCENT, (BASIC,))
    vendor = numeric(9, 0xF012, mdc.DIM_DIMLESS, (BASIC,))
    scan = ((7, float32(Decimal("154.2"))), (8, sfloat(Decimal("21.5"))), (9, b"\0\x01"))
    (one,) = decode(request(SYSTEM, 0x4000) + configuration(pounds, fat, vendor) + report(fixed_report(0, scan)))
    assert said(one.numerics) == {"29463-7": "154.2 [lb_av]", "41982-0": "21.5 %"}
    assert (one.modality, one.start, one.from_memory) == ("body", None, False)
    assert any("metric 2::61458" in note for note in one.notes)


def test_peak_flow_with_its_personal_best() -> None:
    objects = (
        numeric(1, mdc.FLOW_AWAY_EXP_FORCED_PEAK, mdc.DIM_X_L_PER_MIN, (BASIC,)),
        numeric(2, mdc.FLOW_AWAY_EXP_FORCED_PEAK_PB, mdc.DIM_X_L_PER_MIN, (BASIC,)),
        numeric(3, mdc.VOL_AWAY_EXP_FORCED_1S, mdc.DIM_X_L, (BASIC,)),
    )
    scan = ((1, sfloat(Decimal(412))), (2, sfloat(Decimal(520))), (3, sfloat(Decimal("2.45"))))
    (one,) = decode(request(SYSTEM, 0x4001) + configuration(*objects) + report(fixed_report(0, scan)))
    assert said(one.numerics) == {"19935-6": "412 L/min", "pef-personal-best": "520 L/min", "20150-9": "2.45 L"}
    assert one.modality == "peak-flow"


MEAL = ConfigObject(
    mdc.MOC_METRIC_ENUM,
    2,
    {
        mdc.ATTR_ID_TYPE: u16(mdc.PART_PHD_DM) + u16(mdc.CTXT_GLU_MEAL),
        mdc.ATTR_ATTRIBUTE_VAL_MAP: sequence((u16(mdc.ATTR_ENUM_OBS_VAL_SIMP_OID) + u16(2),)),
    },
)


@pytest.mark.parametrize(
    ("unit", "value", "code", "shown"),
    [
        (mdc.DIM_MILLI_G_PER_DL, "126", "41653-7", "126 mg/dL"),
        (mdc.DIM_MILLI_MOLE_PER_L, "7.0", "14743-9", "7.0 mmol/L"),
    ],
)
def test_glucose_takes_its_kind_from_the_unit_and_its_context_from_the_meal(
    unit: int, value: str, code: str, shown: str
) -> None:
    glucose = numeric(1, mdc.CONC_GLU_CAPILLARY_WHOLEBLOOD, unit, (BASIC,))
    scan = ((1, sfloat(Decimal(value))), (2, u16(mdc.CTXT_GLU_MEAL_FASTING)))
    (one,) = decode(request(SYSTEM, 0x4000) + configuration(glucose, MEAL) + report(fixed_report(0, scan)))
    assert said(one.numerics) == {code: shown}
    assert one.numerics[0].context == {"specimen": "capillary whole blood", "meal": "fasting"}


def test_control_solution_is_nobodys_value() -> None:
    glucose = numeric(1, mdc.CONC_GLU_CAPILLARY_WHOLEBLOOD, mdc.DIM_MILLI_MOLE_PER_L, (BASIC,))
    scan = ((1, sfloat(Decimal("6.1"))), (2, u16(mdc.CTXT_GLU_SAMPLELOCATION_CTRLSOLUTION)))
    (one,) = decode(request(SYSTEM, 0x4000) + configuration(glucose, MEAL) + report(fixed_report(0, scan)))
    assert one.numerics == ()


@pytest.mark.parametrize(
    ("status", "absent", "context"),
    [
        (0x0000, None, {}),
        (0x8000, AbsentReason.ERROR, {}),
        (0x2000, AbsentReason.NOT_PERFORMED, {}),
        (0x1000, AbsentReason.ERROR, {}),
        (0x0800, AbsentReason.ERROR, {}),
        (0x0400, AbsentReason.ERROR, {}),
        (0x4000, None, {"quality": "questionable"}),
        (0x0040, None, {"status": "early"}),
        (0x4020, None, {"quality": "questionable", "status": "ongoing"}),
        (0x0080, None, {}),
    ],
)
def test_status_bits_take_the_value_away_or_say_their_doubt(
    status: int, absent: AbsentReason | None, context: dict[str, str]
) -> None:
    ear = numeric(1, mdc.TEMP_EAR, mdc.DIM_DEGC, (SIMPLE, Entry(mdc.ATTR_MSMT_STAT, 2)))
    scan = ((1, float32(Decimal("38.4")) + u16(status)),)
    (one,) = decode(request(SYSTEM, 0x4000) + configuration(ear) + report(fixed_report(0, scan)))
    (number,) = one.numerics
    assert (number.absent, number.quantity is None) == (absent, absent is not None)
    assert number.context == {"site": "ear"} | context


def test_full_value_carries_its_own_metric_unit_and_status() -> None:
    body = numeric(1, mdc.TEMP_BODY, mdc.DIM_DEGC, ())
    told = {mdc.ATTR_NU_VAL_OBS: u16(mdc.TEMP_ORAL) + u16(0x4000) + u16(mdc.DIM_FAHR) + float32(Decimal("99.1"))}
    info = u16(0xF000) + u16(0) + sequence((u16(1) + attribute_list(told),))
    (one,) = decode(request(SYSTEM, 0x4000) + configuration(body) + report(info, mdc.NOTI_SCAN_REPORT_VAR))
    assert said(one.numerics) == {"8310-5": "99.1 [degF]"}
    assert one.numerics[0].context == {"site": "mouth", "quality": "questionable"}


def test_stream_is_the_median_of_its_good_samples() -> None:
    values = ("97", "96", "98", "55", "97")
    apdus = b"".join(
        report(
            fixed_report(n, ((1, sfloat(Decimal(v))), (10, b"\x07\xff" if v == "55" else b"\0\x48"))), confirmed=False
        )
        for n, v in enumerate(values)
    )
    (one,) = decode(request(SYSTEM, 0x0190) + apdus)
    assert said(one.numerics) == {"59408-5": "97 %", "8889-8": "72 /min"}
    assert [(n.context["samples"], n.context["good_samples"]) for n in one.numerics] == [("5", "5"), ("5", "4")]


def test_questionable_samples_of_a_stream_count_only_where_there_are_no_others() -> None:
    pulse = numeric(10, mdc.PULS_OXIM_PULS_RATE, mdc.DIM_BEAT_PER_MIN, (BASIC, Entry(mdc.ATTR_MSMT_STAT, 2)))

    def streamed(*samples: tuple[int, int]) -> Numeric:
        said = [report(fixed_report(0, ((10, u16(v) + u16(status)),)), confirmed=False) for v, status in samples]
        (one,) = decode(request(SYSTEM, 0x4000) + configuration(pulse) + b"".join(said))
        return one.numerics[0]

    mixed = streamed((70, 0), (140, 0x4000), (141, 0x4000), (72, 0))
    assert (str(mixed.quantity), mixed.context["good_samples"]) == ("70\N{NO-BREAK SPACE}/min", "2")
    doubtful = streamed((140, 0x4000), (141, 0x4000))
    assert (doubtful.context["quality"], doubtful.context["good_samples"]) == ("questionable", "0")


def test_report_alone_is_read_only_where_one_standard_configuration_explains_it_wholly() -> None:
    (one,) = decode(report(fixed_report(0, ((1, b"\0\x62"), (10, b"\0\x48")))))
    assert (said(one.numerics), one.from_memory) == ({"59408-5": "98 %", "8889-8": "72 /min"}, True)
    (half,) = decode(report(fixed_report(0, ((2, b"\0\x48" + absolute_time(NOW)),))))
    assert half.numerics == ()
    (other,) = decode(report(fixed_report(0, ((1, bytes(18)), (2, bytes(11))))))
    assert other.numerics == ()


def test_grouped_report_of_a_scanner() -> None:
    saturation = numeric(1, mdc.PULS_OXIM_SAT_O2, mdc.DIM_PERCENT, (BASIC,))
    fast = numeric(3, mdc.PULS_OXIM_SAT_O2, mdc.DIM_PERCENT, (BASIC,), supplement=mdc.MODALITY_FAST)
    mapped = sequence(
        tuple(u16(h) + sequence(tuple(u16(a) + u16(s) for a, s in m)) for h, m in ((1, (BASIC, STAMP)), (3, (BASIC,))))
    )
    scanner = ConfigObject(mdc.MOC_SCAN_CFG_EPI, 55, {mdc.ATTR_SCAN_HANDLE_ATTR_VAL_MAP: mapped})
    info = u16(0xF000) + u16(0) + sequence((octets(b"\0\x62" + absolute_time(NOW) + b"\0\x61"),))
    raw = request(SYSTEM, 0x4000) + configuration(saturation, fast, scanner) + attributes()
    (one,) = decode(raw + report(info, mdc.NOTI_UNBUF_SCAN_REPORT_GROUPED, handle=55))
    assert [(str(n.quantity), n.context) for n in one.numerics] == [
        ("98\N{NO-BREAK SPACE}%", {}),
        ("97\N{NO-BREAK SPACE}%", {"averaging": "fast"}),
    ]
    longer = u16(0xF000) + u16(0) + sequence((octets(bytes(13)),))
    with pytest.raises(BadFrame, match="does not fit its map"):
        decode(raw + report(longer, mdc.NOTI_UNBUF_SCAN_REPORT_GROUPED, handle=55))


def stored(count: int, *, entries: bytes | None = None) -> bytes:
    """The delivery of a meter's memory: descriptions, then `count` entries a day apart."""
    listed = {mdc.ATTR_PM_SEG_MAP: segment_map((Element(6, 2, mdc.CONC_GLU_CAPILLARY_WHOLEBLOOD, 1, (BASIC,)),))}
    described = event(9, mdc.ACT_SEG_GET_INFO, sequence((u16(1) + attribute_list(listed),)), time=None)
    glucose = numeric(1, mdc.CONC_GLU_CAPILLARY_WHOLEBLOOD, mdc.DIM_MILLI_MOLE_PER_L, (BASIC, STAMP))
    store = ConfigObject(mdc.MOC_PMSTORE, 9)
    lines = [absolute_time(NOW - timedelta(days=n)) + sfloat(Decimal(50 + n % 50).scaleb(-1)) for n in range(count)]
    data = b"".join(lines) if entries is None else entries
    info = u16(1) + u32(0) + u32(count) + u16(0xC000) + octets(data)
    told = configuration(glucose, store) + attributes() + present(Data(5, ACTION_RESULT, described))
    return request(SYSTEM, 0x4000) + told + report(info, mdc.NOTI_SEGMENT_DATA, handle=9)


def test_memory_of_fifty_is_fifty_readings_that_never_bind_by_themselves() -> None:
    all_of_them = decode(stored(50))
    assert len(all_of_them) == 50
    assert all(one.from_memory and one.modality == "glucose" for one in all_of_them)
    assert [one.start for one in all_of_them[:2]] == [NOW, NOW - timedelta(days=1)]
    assert str(all_of_them[49].numerics[0].quantity) == "9.9\N{NO-BREAK SPACE}mmol/L"
    assert len({one.device["source_id"] for one in all_of_them}) == 50


def test_single_stored_value_is_from_memory_too() -> None:
    (one,) = decode(stored(1))
    assert one.from_memory


def test_full_memory_is_read_and_more_than_any_device_keeps_is_refused() -> None:
    assert len(decode(stored(6400))) == 6400
    weight = numeric(1, mdc.MASS_BODY_ACTUAL, mdc.DIM_KILO_G, (BASIC,))
    many = report(fixed_report(0, ((1, b"\0\x05"),) * 9999))
    with pytest.raises(RefusedInput, match="more than 10000 values"):
        decode(request(SYSTEM, 0x4000) + configuration(weight) + many + many)
    with pytest.raises(RefusedInput, match="APDUs"):
        decode(bytes.fromhex("e400 0002 0000") * 10_001)


def test_descriptions_that_would_multiply_work_are_damaged() -> None:
    empty = numeric(1, mdc.MASS_BODY_ACTUAL, mdc.DIM_KILO_G, (Entry(mdc.ATTR_NU_VAL_OBS_BASIC, 0),))
    parts = ConfigObject(mdc.MOC_METRIC_NU, 1, {mdc.ATTR_ID_PHYSIO_LIST: sequence((b"\0\x01",) * 257)})
    many = ConfigObject(mdc.MOC_METRIC_NU, 1, dict.fromkeys(range(257), b""))
    for hostile in (empty, parts, many):
        with pytest.raises(BadFrame):
            decode(configuration(hostile))
    compound = {mdc.ATTR_NU_CMPD_VAL_OBS_BASIC: sequence((b"\0\x01",) * 17)}
    info = u16(0xF000) + u16(0) + sequence((u16(1) + attribute_list(compound),))
    with pytest.raises(BadFrame, match="at most 16"):
        decode(request(SYSTEM, 0x02BC) + report(info, mdc.NOTI_SCAN_REPORT_VAR))


def test_measurement_said_twice_in_a_report_is_one() -> None:
    twice = ((1, PRESSURE + absolute_time(NOW)), (2, b"\0\x47" + absolute_time(NOW))) * 2
    (one,) = decode(request(SYSTEM, 0x02BC) + attributes() + report(fixed_report(0, twice)))
    assert (len(one.numerics), one.from_memory) == (4, False)


def test_equal_weights_without_a_time_stay_two() -> None:
    weight = numeric(1, mdc.MASS_BODY_ACTUAL, mdc.DIM_KILO_G, (BASIC,))
    both = decode(request(SYSTEM, 0x4000) + configuration(weight) + report(fixed_report(0, ((1, b"\0\x3e"),) * 2)))
    assert [one.from_memory for one in both] == [True, True]


def test_two_values_and_two_meals_of_one_second_stay_in_pairs() -> None:
    glucose = numeric(1, mdc.CONC_GLU_CAPILLARY_WHOLEBLOOD, mdc.DIM_MILLI_MOLE_PER_L, (BASIC,))
    meals = (mdc.CTXT_GLU_MEAL_PREPRANDIAL, mdc.CTXT_GLU_MEAL_POSTPRANDIAL)
    scan = ((1, b"\0\x05"), (1, b"\0\x09"), (2, u16(meals[0])), (2, u16(meals[1])))
    both = decode(request(SYSTEM, 0x4000) + configuration(glucose, MEAL) + report(fixed_report(0, scan)))
    assert [(str(n.quantity), n.context["meal"]) for one in both for n in one.numerics] == [
        ("5\N{NO-BREAK SPACE}mmol/L", "before"),
        ("9\N{NO-BREAK SPACE}mmol/L", "after"),
    ]


def test_bytes_after_a_reports_last_object_are_told_and_not_read() -> None:
    info = fixed_report(0, ((1, b"\0\x62"), (10, b"\0\x48"))) + b"\0\0"
    (one,) = decode(request(SYSTEM, 0x0190) + report(info))
    assert one.notes == ("2 bytes after the report's last object, not read",)
    assert len(one.numerics) == 2


def test_segment_whose_entries_do_not_fill_it_is_damaged() -> None:
    with pytest.raises(BadFrame, match="3 entries of 10 bytes in 29 bytes"):
        decode(stored(3, entries=bytes(29)))


def test_user_number_of_the_device_is_told_and_parts_people() -> None:
    entries = tuple(u16(p) + sequence((u16(1) + octets(PRESSURE + absolute_time(NOW)),)) for p in (1, 2))
    info = u16(0xF000) + u16(0) + sequence(entries)
    both = decode(request(SYSTEM, 0x02BC) + attributes() + report(info, mdc.NOTI_SCAN_REPORT_MP_FIXED))
    assert [one.notes for one in both] == [("user 1 of the device",), ("user 2 of the device",)]
    assert all(one.from_memory for one in both)


def test_report_shorter_than_its_configuration_is_damaged_and_longer_says_so() -> None:
    with pytest.raises(BadFrame, match="report of object 2 ends"):
        decode(request(SYSTEM, 0x02BC) + report(fixed_report(0, ((2, b"\0\x47"),))))
    stamped = fixed_report(0, ((1, b"\0\x62" + absolute_time(NOW)),))
    (one,) = decode(request(SYSTEM, 0x0190) + report(stamped))
    assert one.notes == ("object 1: 8 bytes more than its configuration says, not read",)
    assert one.start is None


def test_refused_beyond_the_limit_and_every_cut_is_damaged() -> None:
    raw = request(SYSTEM, 0x02BC) + attributes() + blood_pressure()
    with pytest.raises(RefusedInput):
        decode(raw * (MAX_BYTES // len(raw) + 1))
    starts = {0, len(request(SYSTEM, 0x02BC)), len(request(SYSTEM, 0x02BC) + attributes())}
    for cut in range(1, len(raw)):
        if cut not in starts:
            with pytest.raises(BadFrame):
                decode(raw[:cut])


@settings(max_examples=300)
@given(st.data())
def test_no_spoilt_delivery_raises_anything_but_ours(data: st.DataObject) -> None:
    raw = bytearray(data.draw(st.sampled_from((stored(3), request(SYSTEM, 0x02BC) + attributes() + blood_pressure()))))
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = decode(bytes(raw))
    except ClinicError:
        return
    assert all(n.quantity is None or n.quantity.value.is_finite() for one in found for n in one.numerics)


def test_format_is_in_the_table() -> None:
    raw = request(SYSTEM, 0x02BC) + attributes() + blood_pressure()
    assert [each.name for each in FORMATS if each.fits(raw)] == ["ieee11073-20601"]
    assert decode_all(raw)[0].modality == "blood-pressure"


@pytest.fixture
def examples(shared_data: Path) -> Path:
    return shared_data / "devices/ieee11073_apdu"


def test_published_blood_pressure_report(examples: Path) -> None:
    (one,) = decode((examples / "blood_pressure__roiv_mds_note_scan_report_mp_fixed").read_bytes())
    assert said(one.numerics)["8480-6"] == "113 mm[Hg]"
    assert said(one.numerics)["8462-4"] == "71 mm[Hg]"
    assert said(one.numerics)["8478-0"] == "85 mm[Hg]"
    assert one.start == datetime(2010, 7, 21, 15, 35, 53, tzinfo=CHINA)
    assert one.from_memory, "the configuration was assumed"
    assert "02bc" in one.notes[0]


def test_published_configuration_and_report_belong_together(examples: Path) -> None:
    raw = (examples / "H221_ID_05DC").read_bytes() + (examples / "H241_ID_05DC").read_bytes()
    first, second = decode(raw)
    assert said(first.numerics) == {"29463-7": "76.2 kg", "39156-5": "24.3 kg/m2"}
    assert said(second.numerics) == {"29463-7": "76.0 kg", "39156-5": "24.2 kg/m2"}
    whole = (examples / "blood_pressure__aarq").read_bytes() + (
        examples / "blood_pressure__roiv_mdc_noti_config"
    ).read_bytes()
    (pressure,) = decode(whole + (examples / "blood_pressure__roiv_mds_note_scan_report_mp_fixed").read_bytes())
    assert said(pressure.numerics)["8867-4"] == "71 /min"
    assert "02bc" not in " ".join(pressure.notes)


def test_published_grouped_reports_with_their_configuration(examples: Path) -> None:
    configured = (examples / "pulse_oximeter__pulse_oximeter_noti_config_with_scanner").read_bytes()
    spot = decode(configured + (examples / "pulse_oximeter__pulse_oximeter_unbuf_scan_report_grouped").read_bytes())
    assert said(spot[0].numerics) == {"59408-5": "97.5 %", "8889-8": "80.1 /min"}
    buffered = decode(configured + (examples / "pulse_oximeter__pulse_oximeter_buf_scan_report_grouped").read_bytes())
    assert [(n.code.code, str(n.quantity), n.context) for one in buffered for n in one.numerics] == [
        ("59408-5", "98\N{NO-BREAK SPACE}%", {}),
        ("8889-8", "73\N{NO-BREAK SPACE}/min", {}),
        ("59408-5", "98\N{NO-BREAK SPACE}%", {"averaging": "fast"}),
    ]


def test_ambiguous_report_keeps_its_numbers_without_a_meaning(examples: Path) -> None:
    (one,) = decode((examples / "H241_ID_05DC").read_bytes())
    assert one.numerics == ()
    assert "object 1: 76.2 at 2007-12-06 12:10:00+08:00, unit and meaning not known" in one.notes


def test_every_published_apdu_is_read_or_refused_with_its_reason(examples: Path) -> None:
    damaged = {"H221_ID_0190": "6 bytes at 172 are no APDU", "pulse_oximeter__description": "are no APDU"}
    for file in sorted(examples.iterdir()):
        raw = file.read_bytes()
        if file.name in damaged:
            with pytest.raises(BadFrame, match=damaged[file.name]):
                decode(raw)
            continue
        assert looks_like(raw), file.name
        assert all(one.numerics or one.notes for one in decode(raw)), file.name
