"""Does a catalog row keep its word? For `clinic device check` and the contract tests."""

from datetime import UTC, datetime

from clinic_records.errors import ClinicError
from devices.catalog import DeviceType, Link
from devices.interpret import INTERPRETERS
from devices.registry import LISTENERS, WEDGES, load, make_driver


def check_row(row: DeviceType) -> list[str]:
    """What is wrong with the row, in words; empty when its driver loads and its readings have a reader."""
    try:
        if row.transport is Link.DICOM:
            load(LISTENERS[row.driver])
            load(INTERPRETERS["application/dicom"])
            return []
        if row.transport is Link.WEDGE:
            load(WEDGES[row.driver])
            return []
        load(row.simulator)
        return _check_line(row)
    except ClinicError as error:
        return [str(error)]


def _check_line(row: DeviceType) -> list[str]:
    driver = make_driver(row.driver, lambda: datetime.now(UTC))
    wrong: list[str] = []
    if driver.name != row.driver:
        wrong.append(f"driver {row.driver} calls itself {driver.name}")
    if driver.idle_s <= 0:
        wrong.append("idle_s must be above 0")
    if driver.media_type not in INTERPRETERS:
        wrong.append(f"nobody reads {driver.media_type}")
    else:
        load(INTERPRETERS[driver.media_type])
    framing = driver.framing()
    if framing.feed(b"") or framing.idle():
        wrong.append("its framing makes something out of nothing")
    return wrong
