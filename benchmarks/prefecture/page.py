"""The prefecture's section of docs/BENCHMARKS.md, from the ledger: the last run of each number of workers."""

import json
from pathlib import Path
from typing import Any, Final

from benchmarks.page import put_section

_INTRO: Final = """## A prefecture's evening
{at}, {cores} cores, Linux x86_64; load before it {loads}. {vehicles} vehicles come home at once; each brings a day of
40 people: {files} files in all, {megabytes:.0f} MB. Real couriers over MQTT to mosquitto (Debian){tls}, workers and
pages as `clinic hospital run` starts them, PostgreSQL with its settings as they come. Vehicles, broker, database and
hospital share this machine's cores. A file counts when its signed receipt is back at its vehicle.
"""

_PARTS: Final = ("vehicles", "broker", "workers", "pages", "PostgreSQL")

_HEAD: Final = (
    "| workers for bulk | seconds | files/s | MB/s | sent again | lost, doubled, made up, altered, stuck, set aside |"
)


def put_page(ledger: Path) -> None:
    """Write the section."""
    runs: dict[int, dict[str, Any]] = {}
    for line in ledger.read_text("utf-8").splitlines():
        run = json.loads(line)
        runs[run["workers"]] = run
    put_section("Prefecture", "make bench-prefecture", _text([runs[workers] for workers in sorted(runs)]))


def _text(runs: list[dict[str, Any]]) -> str:
    last = runs[-1]
    intro = _INTRO.format(
        at=last["at"],
        cores=last["cores"],
        loads=", ".join(f"{run['load']:.1f}" for run in runs),
        vehicles=last["vehicles"],
        files=last["files"],
        megabytes=last["payload_bytes"] / 1e6,
        tls=" by TLS 1.3" if last["is_tls"] else " without TLS",
    )
    rows = [_HEAD, "|---" * 6 + "|", *map(_row, runs), "", *_spent(runs)]
    bounds = ["| at most, measured before each run | " + " | ".join(f"{run['workers']} workers" for run in runs) + " |"]
    bounds.append("|---" * (len(runs) + 1) + "|")
    for name in last["bounds"]:
        rates = " | ".join(f"{run['bounds'][name]:,.0f}/s" for run in runs)
        bounds.append(f"| {name} | {rates} |")
    return "\n".join([intro, *rows, "", *bounds])


def _row(run: dict[str, Any]) -> str:
    judged, seconds = run["judged"], run["seconds"]
    wrong = ", ".join(str(judged[name]) for name in ("lost", "doubled", "phantom", "altered", "stuck", "set_aside"))
    again = run["sent_bytes"] / run["wire_bytes"] - 1
    rates = "never | - | -"
    if seconds is not None:
        rates = f"{seconds:.1f} | {run['files'] / seconds:,.0f} | {run['payload_bytes'] / seconds / 1e6:.1f}"
    return f"| {run['workers']} | {rates} | {again:.1%} | {wrong} |"


def _spent(runs: list[dict[str, Any]]) -> list[str]:
    """Where the processor's time went: what bounds a run whose parts have a machine each."""
    head = f"| workers for bulk | {' | '.join(_PARTS)} | of the cores' | workers, a file | workers, a MB |"
    rows = [head, "|---" * (len(_PARTS) + 4) + "|"]
    for run in runs:
        cpu = run["cpu_s"]
        there = "-" if run["seconds"] is None else f"{sum(cpu.values()) / run['seconds'] / run['cores']:.0%}"
        each = f"{1000 * cpu['workers'] / run['files']:.1f} ms | {1e9 * cpu['workers'] / run['payload_bytes']:.0f} ms"
        spent = " | ".join(f"{cpu[name]:.1f} s" for name in _PARTS)
        rows.append(f"| {run['workers']} | {spent} | {there} | {each} |")
    return ["Processor time:", "", *rows]
