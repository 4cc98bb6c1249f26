"""Devices whose program drops GDT result files: a spirometer and an analyser of exhaled nitric oxide."""

from datetime import UTC, datetime
from threading import Event

from clinic_records.clock import CHINA
from devices.transports.base import Transport
from recordings.gdt.encode import encode_record

Tests = tuple[tuple[str, str, str, str], ...]
"""(8410 test, 8411 name, 8420 value, 8421 unit) of each result."""
BLOW: Tests = (
    ("FVC", "Forced vital capacity", "3.20", "l"),
    ("FEV1", "Forced expiratory volume in 1 s", "2.41", "l"),
    ("FEV1%FVC", "FEV1/FVC", "75.3", "%"),
    ("PEF", "Peak expiratory flow", "6.35", "l/s"),
    ("MEF50", "Flow at 50 % of FVC", "2.90", "l/s"),
)
NITRIC_OXIDE: Tests = (("FeNO", "Fractional exhaled NO", "31", "ppb"),)


def result_file(kind: str, tests: Tests, taken: datetime | None = None, codec: str = "cp437") -> bytes:
    """Record 6310 of GDT 2.1 for patient 17; `kind` is 8402."""
    at = (taken or datetime.now(UTC)).astimezone(CHINA)
    day, time = f"{at:%d%m%Y}", f"{at:%H%M%S}"
    fields = [
        *(("8315", "CLINIC"), ("8316", "SPIRO"), ("9206", "2"), ("9218", "02.10"), ("3000", "17")),
        *(
            ("3101", "Wang"),
            ("3102", "Xiuying"),
            ("3103", "02011959"),
            ("3110", "2"),
            ("3622", "158"),
            ("3623", "61.5"),
        ),
        *(("8402", kind), ("6200", day), ("6201", time)),
    ]
    for ident, name, value, unit in tests:
        fields += [("8410", ident), ("8411", name), ("8420", value), ("8421", unit), ("8432", day), ("8439", time)]
    return encode_record("6310", fields, codec)


def simulate_spirometer(wire: Transport, stop: Event) -> None:
    """The file of one blow."""
    del stop
    wire.write(result_file("LUFU02", BLOW))


def simulate_feno(wire: Transport, stop: Event) -> None:
    """The file of one exhalation."""
    del stop
    wire.write(result_file("ERGO06", NITRIC_OXIDE))
