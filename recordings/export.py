"""A decoded recording as plain data and as rows of a table, for `clinic device decode`."""

from collections.abc import Iterator
from itertools import zip_longest
from math import isnan

from clinic_records.errors import Hint, RefusedInput
from clinic_records.reading import Numeric
from recordings.signal import DecodedRecording, Signal

_JSON = Hint("表格放不下这种记录，请用 --json。", "A table cannot hold this recording; use --json.")


def as_data(decoded: DecodedRecording) -> dict[str, object]:
    """The recording as JSON values: `samples` is their number, a value the device did not have is null."""
    data: dict[str, object] = {
        "format": decoded.format,
        "modality": decoded.modality,
        "patient": decoded.patient,
        "device": decoded.device,
        "start": decoded.start.isoformat() if decoded.start else None,
        "channels": [
            {
                "name": signal.name,
                "unit": signal.unit,
                "sampling_hz": signal.sampling_hz,
                "start_s": signal.start_s,
                "samples": len(signal.samples),
                "values": [None if isnan(value) else float(_digits(value)) for value in signal.samples.tolist()],
            }
            for signal in decoded.signals
        ],
        "numerics": [_numeric(numeric) for numeric in decoded.numerics],
        "notes": list(decoded.notes),
    }
    if decoded.frames is not None:
        data |= {"rows": decoded.frames.rows, "columns": decoded.frames.columns, "frames": decoded.frames.count}
    return data


def _numeric(numeric: Numeric) -> dict[str, object]:
    value = numeric.quantity
    return {
        "system": numeric.code.system,
        "code": numeric.code.code,
        "display": numeric.code.display,
        "value": float(value.value) if value else None,
        "unit": value.unit if value else None,
        "text": numeric.text or None,
        "absent": numeric.absent,
        "context": numeric.context,
    }


def table(decoded: DecodedRecording) -> Iterator[list[str]]:
    """A header `name [unit]` for each channel, then one row a sample; an empty cell where a channel has none.

    A recording without samples is a table of its numbers: one row a number.

    Raises:
        RefusedInput: the recording has neither, or its channels do not share one sampling rate.
    """
    if decoded.numerics and not decoded.signals:
        yield ["code", "name", "value", "unit"]
        for one in decoded.numerics:
            value = one.quantity
            yield [
                one.code.code,
                one.code.display,
                str(value.value) if value else one.text,
                value.unit if value else "",
            ]
        return
    if not decoded.signals:
        raise RefusedInput(f"a recording of format {decoded.format} has no samples to list; use --json", hint=_JSON)
    rates = {signal.sampling_hz for signal in decoded.signals}
    if len(rates) > 1:
        raise RefusedInput(
            "the channels have different sampling rates, one row cannot hold them; use --json", hint=_JSON
        )
    yield [f"{signal.name} [{signal.unit}]" for signal in decoded.signals]
    for row in zip_longest(*(_cells(signal) for signal in decoded.signals), fillvalue=""):
        yield list(row)


def _cells(signal: Signal) -> Iterator[str]:
    for _ in range(round(signal.start_s * signal.sampling_hz)):
        yield ""
    for value in signal.samples.tolist():
        yield "" if isnan(value) else _digits(value)


def _digits(value: float) -> str:
    """Ten digits, more than any device gives: 8.65, not 8.649999999999999."""
    return f"{value:.10g}"
