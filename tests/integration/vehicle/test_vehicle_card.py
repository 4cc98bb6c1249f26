"""A card reader and a refrigerator on a whole agent: the card reaches the page and no disk, the cold both."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event

import httpx
import pytest

from devices.simulators import fridge_sensor, id_card_reader
from devices.simulators.id_card_reader import RESIDENT
from devices.transports.base import Transport
from devices.transports.tcp import TcpTransport
from tests.integration.vehicle.vehicle_world import PIN, STAFF, Vehicle, make_vehicle, wait_until
from tests.unit.web.test_web_live import Stream

NAME = "王秀英"


def serve(stack: ExitStack, simulate: Callable[[Transport, Event], None]) -> str:
    """The url of a device that measures once for whoever calls, and stays connected."""
    server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    stop = Event()
    stack.callback(stop.set)

    def run() -> None:
        called, _ = server.accept()
        with called:
            simulate(TcpTransport(called, "device"), stop)
            stop.wait()

    threading.Thread(target=run, daemon=True).start()
    return f"tcp:127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def vehicle(tmp_path: Path) -> Iterator[Vehicle]:
    with ExitStack() as stack:
        devices = (
            ("card1", "id-card-reader", id_card_reader.simulate),
            ("fridge1", "fridge-xy-md02", fridge_sensor.simulate),
        )
        rows = [
            f'[[devices]]\nid = "{id_}"\nkey = "{key}"\nurl = "{serve(stack, play)}"\n' for id_, key, play in devices
        ]
        make_vehicle(tmp_path / "V01", "".join(rows))
        one = Vehicle(tmp_path / "V01")
        stack.callback(one.stop)
        yield one


def holds(root: Path, text: str) -> list[Path]:
    files = [path for path in root.parent.rglob("*") if path.is_file()]
    return [path for path in files for code in ("utf-8", "utf-16-le") if text.encode(code) in path.read_bytes()]


def test_a_card_laid_down_before_the_login_waits_in_memory_alone(vehicle: Vehicle) -> None:
    vehicle.start()
    status = vehicle.do("status")
    with httpx.Client(base_url=status["web_url"], headers={"origin": status["web_url"]}, timeout=30) as nurse:
        wait_until(lambda: "line.delivered" in vehicle.log())  # the refrigerator's
        nurse.post("/login", data={"staff": STAFF, "pin": PIN})

        def leaf(name: str) -> str:
            with nurse.stream("GET", "/live?page=today") as response:
                return dict(Stream(response).until("beat")).get(name, "")

        wait_until(lambda: NAME in leaf("presented"))
        assert RESIDENT not in leaf("presented")
        wait_until(lambda: "4.2" in leaf("instruments"))
        assert vehicle.do("unbound") == []
        assert holds(vehicle.root, RESIDENT) == holds(vehicle.root, NAME) == []
        nurse.post("/stop/open")
        token = leaf("presented").partition("/people/new?card=")[2].partition('"')[0]
        form = {
            "name": NAME,
            "resident_id": RESIDENT,
            "identity_check": "card",
            "allergies": "not-asked",
            "card": token,
        }
        assert (
            nurse.post("/people/new", data={**form, "allergies": "not-asked"}).headers["location"].startswith("/enc/")
        )
        assert leaf("presented") == ""
    assert vehicle.stop() == 0
    assert holds(vehicle.root, RESIDENT) == holds(vehicle.root, NAME) == []
