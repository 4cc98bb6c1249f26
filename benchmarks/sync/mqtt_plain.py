"""MQTT as it comes: paho with QoS 1 over the road to mosquitto, or a mosquitto on the vehicle that bridges there."""

import json
import shutil
import sys
from pathlib import Path
from typing import Final

from benchmarks.sync.result import Result
from benchmarks.sync.run import Day, Run
from sync.free_port import free_port

MOSQUITTO: Final = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
_CONFIG: Final = """\
user root
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
autosave_interval 5
max_inflight_messages 20
max_queued_messages 0
"""
_BRIDGE: Final = """\
connection hospital
address 127.0.0.1:{road}
topic day/# out 1
cleansession false
notifications false
restart_timeout 1
keepalive_interval 10
bridge_attempt_unsubscribe false
"""


def _broker(run: Run, name: str, port: int, more: str = "", *, is_sender: bool = False) -> None:
    folder = run.folder / name
    folder.mkdir()
    config = run.folder / f"{name}.conf"
    config.write_text(_CONFIG.format(port=port, folder=folder) + more, "utf-8")
    run.spawn([str(MOSQUITTO), "-c", str(config)], name=name, is_sender=is_sender)


def run_day(profile: str, day: Day, folder: Path, *, has_bridge: bool) -> Result:
    """The subscriber writes and fsyncs each message; durable is what its statement says."""
    run = Run("mosquitto bridge" if has_bridge else "paho QoS 1, 256 KiB x 20", profile, day, folder)
    far, near = free_port(), free_port()
    heard, said = folder / "heard.json", folder / "said.json"
    manifest = folder / "manifest.json"
    manifest.write_text(json.dumps(run.day.manifest), "utf-8")
    sides = [sys.executable, "-m", "benchmarks.sync.mqtt_sides"]
    try:
        _broker(run, "far", far)
        run.spawn([*sides, "hear", str(far), str(folder / "received"), str(manifest), str(heard)], name="hear")
        run.until(lambda: heard.exists() or None, 20)
        road = run.lay_road(far)
        if has_bridge:
            _broker(run, "near", near, _BRIDGE.format(road=road), is_sender=True)
        run.begin()
        words = [str(near if has_bridge else road), str(run.day.folder), str(manifest), str(run.day.urgent), str(said)]
        run.spawn([*sides, "say", *words, str(run.profile.urgent_at_s)], name="say", is_sender=True)
        run.until(lambda: _is_whole(heard) or None, run.limit_s)
        found = json.loads(heard.read_text("utf-8"))
        total_s = None if found["all_at"] is None else found["all_at"] - run.began
        urgent_s = None
        if found["urgent_at"] is not None:
            urgent_s = found["urgent_at"] - json.loads(said.read_text("utf-8"))["urgent_made_at"]
        return run.result(total_s, urgent_s, wrong=found["wrong"])
    finally:
        run.close()


def _is_whole(heard: Path) -> bool:
    found = json.loads(heard.read_text("utf-8"))
    return found["all_at"] is not None and found["urgent_at"] is not None
