"""What a device's log says of a reading: no valid control is never silence (H18), an expired strip is refused (H17)."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.errors import RefusedInput
from clinic_records.ids import DeviceId, RecordId
from clinic_records.people import Author, Role
from clinic_records.quality import QualityEntry, QualityKind, QualityMark
from clinic_records.quantity import quantity
from devices.quality import Action, last_day, mark_now, passed, rules

NURSE = Author("n001", "张护士", Role.NURSE)
TODAY = date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
SPIROMETRY, GLUCOSE, LABORATORY = (rules()[name] for name in ("spirometry", "glucose", "laboratory"))


def entry(kind: QualityKind, at: datetime = NOON, **more: object) -> QualityEntry:
    fields = {"passed": True} | more
    return QualityEntry(RecordId(f"e{at.isoformat()}"), DeviceId("d"), "m", kind, at, NURSE, **fields)  # type: ignore[arg-type]


CALIBRATION, CONTROL, LOT, VERIFICATION = QualityKind


def test_spirometer_counts_after_a_good_calibration_of_the_same_day() -> None:
    assert mark_now(SPIROMETRY, [], TODAY) is QualityMark.MISSING
    assert mark_now(SPIROMETRY, [entry(CALIBRATION)], TODAY) is None
    assert mark_now(SPIROMETRY, [entry(CALIBRATION)], TODAY + timedelta(days=1)) is QualityMark.MISSING
    failed = [entry(CALIBRATION), entry(CALIBRATION, NOON + timedelta(hours=1), passed=False)]
    assert mark_now(SPIROMETRY, failed, TODAY) is QualityMark.FAILED
    assert mark_now(SPIROMETRY, failed, TODAY + timedelta(days=1)) is QualityMark.FAILED
    assert mark_now(SPIROMETRY, [*failed, entry(CALIBRATION, NOON + timedelta(hours=2))], TODAY) is None


def test_the_day_is_the_clinics() -> None:
    just_before_midnight = datetime(2026, 11, 23, 15, 59, tzinfo=UTC)
    assert mark_now(SPIROMETRY, [entry(CALIBRATION, just_before_midnight)], TODAY) is None
    after = just_before_midnight + timedelta(minutes=1)
    assert mark_now(SPIROMETRY, [entry(CALIBRATION, after)], TODAY) is QualityMark.MISSING


def test_three_strokes_within_three_percent() -> None:
    limits = SPIROMETRY.limits()
    assert limits is not None
    low, high = limits
    assert (str(low.value), str(high.value)) == ("2.91", "3.09")

    def strokes(*values: str) -> bool:
        return passed(SPIROMETRY, [quantity(value, "L") for value in values], low, high)

    assert strokes("2.91", "3.00", "3.09")
    assert not strokes("2.91", "3.00", "3.10")
    assert not strokes("2.90", "3.00", "3.00")
    assert passed(SPIROMETRY, [quantity("3000", "mL")] * 3, low, high)
    for wrong in ((), ("3.0", "3.0")):
        with pytest.raises(RefusedInput, match="rule asks for 3"):
            strokes(*wrong)
    with pytest.raises(RefusedInput, match="kg"):
        passed(SPIROMETRY, [quantity("3", "kg")] * 3, low, high)
    with pytest.raises(RefusedInput, match="not below"):
        passed(GLUCOSE, [quantity("5", "mmol/L")], quantity("6", "mmol/L"), quantity("4", "mmol/L"))


def test_strips_need_a_lot_in_date_and_a_control_since_it_was_opened() -> None:
    control = entry(CONTROL, level="1")
    lot = entry(LOT, NOON - timedelta(hours=1), lot="A1", expires=date(2026, 11, 30))
    assert mark_now(GLUCOSE, [control], TODAY) is QualityMark.LOT_MISSING
    assert mark_now(GLUCOSE, [lot, control], TODAY) is None
    newer = entry(LOT, NOON + timedelta(hours=1), lot="A2", expires=date(2027, 1, 1))
    assert mark_now(GLUCOSE, [lot, control, newer], TODAY) is QualityMark.MISSING
    again = entry(CONTROL, NOON + timedelta(hours=2), level="1")
    assert mark_now(GLUCOSE, [lot, control, newer, again], TODAY) is None
    late = TODAY + timedelta(days=8)
    later = entry(CONTROL, NOON + timedelta(days=8), level="1")
    assert mark_now(GLUCOSE, [lot, later], late) is QualityMark.LOT_EXPIRED
    opened = entry(LOT, NOON - timedelta(days=5), lot="A1", expires=date(2027, 1, 1), open_days=4)
    assert last_day(opened) == date(2026, 11, 22)
    assert mark_now(GLUCOSE, [opened, control], TODAY) is QualityMark.LOT_EXPIRED


def test_every_level_is_needed() -> None:
    lot = entry(LOT, NOON - timedelta(hours=1), lot="R", expires=date(2027, 1, 1))
    one, two = entry(CONTROL, level="1"), entry(CONTROL, level="2")
    assert mark_now(LABORATORY, [lot, one], TODAY) is QualityMark.MISSING
    assert mark_now(LABORATORY, [lot, one, two], TODAY) is None
    assert mark_now(LABORATORY, [lot, one, entry(CONTROL, level="2", passed=False)], TODAY) is QualityMark.FAILED


def test_what_a_mark_does() -> None:
    assert GLUCOSE.action(QualityMark.MISSING) is GLUCOSE.action(QualityMark.OVERDUE) is Action.FLAG
    assert GLUCOSE.action(QualityMark.FAILED) is GLUCOSE.action(QualityMark.LOT_EXPIRED) is Action.BLOCK


def test_only_a_verification_past_its_date_speaks_where_nothing_else_is_needed() -> None:
    rule = rules()["blood-pressure"]
    assert mark_now(rule, [], TODAY) is None
    assert mark_now(rule, [entry(VERIFICATION, expires=TODAY)], TODAY) is None
    assert mark_now(rule, [entry(VERIFICATION, expires=TODAY)], TODAY + timedelta(days=1)) is QualityMark.OVERDUE


KINDS = st.builds(
    entry,
    st.sampled_from(QualityKind),
    st.datetimes(datetime(2026, 11, 1), datetime(2026, 11, 30)).map(lambda at: at.replace(tzinfo=UTC)),  # noqa: DTZ001
    passed=st.booleans(),
    level=st.sampled_from(["", "1", "2"]),
)


@given(st.lists(KINDS, max_size=8), st.sampled_from(sorted(rules())))
def test_without_a_control_of_today_nothing_that_needs_one_is_clean(log: list[QualityEntry], name: str) -> None:
    rule, ordered = rules()[name], sorted(log, key=lambda one: one.at)
    good_today = [
        one
        for one in ordered
        if one.kind is rule.needs
        and one.passed
        and one.at.astimezone(NOON.tzinfo).date() in {TODAY, date(2026, 11, 22)}
    ]
    if rule.needs and not good_today:
        assert mark_now(rule, ordered, TODAY) is not None
