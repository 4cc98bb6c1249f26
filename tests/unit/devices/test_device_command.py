"""`clinic device`, run as the command line runs it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread

from typer.testing import CliRunner, Result

from commands.device import app
from devices.catalog import catalog
from devices.simulators.spirometer import LABEL
from recordings.scp_ecg.record import join

LIGHT = """
import sys
from datetime import UTC, datetime
import devices.delivery, devices.interpret, devices.pump, devices.transports.open, devices.catalog
from devices.registry import LINE_DRIVERS, make_driver
for name in LINE_DRIVERS:
    make_driver(name, lambda: datetime.now(UTC)).framing()
print(sorted({"numpy", "pydicom", "pynetdicom", "PIL"} & set(sys.modules)))
"""


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=True)


def test_list_has_every_row() -> None:
    rows = json.loads(run("list", "--json").stdout)
    assert [row["key"] for row in rows] == list(catalog())
    assert all(row["name_zh"] for row in rows)
    assert "spirometer-sp80b" in run("list").stdout


def test_check_is_green() -> None:
    result = run("check", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, {key: [] for key in catalog()})
    assert run("check").stdout.count(": ok") == len(catalog())


def test_listen_prints_frames_and_what_was_none(tmp_path: Path) -> None:
    file = tmp_path / "line.bin"
    file.write_bytes(b"noise" + join({}))
    words = ("listen", "--transport", f"replay:{file}", "--driver", "scp-ecg")
    result = run(*words, "--json")
    assert result.exit_code == 0
    bad, good = (json.loads(line) for line in result.stdout.splitlines())
    assert (bad["size"], bool(bad["fault"])) == (5, True)
    assert (good["media_type"], good["fault"]) == ("application/scp-ecg", "")
    assert "application/scp-ecg" in run(*words, "--count", "2").stdout


def test_spirometer_and_listener_talk_over_a_named_port(tmp_path: Path, wait_for: Callable[..., None]) -> None:
    link = tmp_path / "spiro"
    heard: list[Result] = []
    words = ("listen", "--transport", f"serial:{link}", "--driver", "contec-sp80b", "--count", "1")
    script = [sys.executable, "-m", "cli", "device", "simulate", "spirometer-sp80b", "--link", str(link)]
    with subprocess.Popen(script, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as device:
        wait_for(link.is_symlink)
        listener = Thread(target=lambda: heard.append(run(*words)))
        listener.start()
        out, err = device.communicate(timeout=60)
        listener.join(30)
    assert LABEL in err
    saw = json.loads(out)
    assert saw["acknowledged"] is True
    assert "sp80b-session" in heard[0].stdout


def test_wrong_date_is_refused(tmp_path: Path) -> None:
    result = run("simulate", "ecg-scp", "--link", tmp_path / "x", "--birth-date", "1950-02-30")
    assert result.exit_code == 2
    assert "1950-02-30" in result.output


def test_the_agents_side_loads_no_heavy_library() -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
