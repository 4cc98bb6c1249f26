"""A hospital, a vehicle and the road between them: separate processes in one folder, for the demo and for tests.

The lab only does what people do: it types commands, plugs devices in, takes coverage away and pulls the power.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from clinic_records.clock import CHINA
from clinic_records.errors import ClinicError
from cloud_hospital.settings import HospitalSettings, folder_of
from commands.demo.county import write_workbook
from commands.demo.link import Link
from commands.demo.program import Program, clinic
from devices.simulators.dicom_device import DicomDevice
from devices.simulators.ecg_scp import EcgScpSimulator
from devices.simulators.spirometer import SpirometerSimulator
from sync.free_port import free_port
from vehicle_agent.control import ask

VEHICLE: Final = "V01"
STAFF: Final = "n001"
PIN: Final = "204816"
_SETTINGS: Final = """\
vehicle = "{vehicle}"
name_zh = "演示01车"
name_en = "Demo 01"

[web]
port = {web}

[dicom]
port = {dicom}

[[devices]]
id = "ecg1"
key = "ecg-scp"
url = "serial:{ports}/ecg?baud=115200"

[[devices]]
id = "ecg2"
key = "ecg-dicom"
ae_title = "ECG1"

[[devices]]
id = "us1"
key = "ultrasound-dicom"
ae_title = "US1"

[[devices]]
id = "spiro1"
key = "spirometer-sp80b"
url = "serial:{ports}/spiro?baud=115200"
name_zh = "肺功能仪（公式模拟曲线）"
name_en = "Spirometer (curve made by a formula)"
"""

T = TypeVar("T")


def wait_for(what: str, look: Callable[[], T | None], timeout_s: float = 30, every_s: float = 0.05) -> T:
    """What `look` returns, as soon as it is neither None nor False.

    Raises:
        ClinicError: it never was.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        found = look()
        if found is not None and found is not False:
            return found
        if time.monotonic() > deadline:
            raise ClinicError(f"waited {timeout_s:.0f} s for {what}")
        time.sleep(every_s)


class Lab:
    """One hospital, one vehicle with four devices, one road.

    Attributes:
        hospital, agent: the two programs.
        link: the road; it carries the vehicle's only way to the broker.
        ecg, spirometer: devices on serial lines; they outlive every restart of the vehicle.
    """

    def __init__(
        self,
        root: Path,
        *,
        up_bits_per_s: float = 8e6,
        down_bits_per_s: float = 20e6,
        delay_s: float = 0.03,
        broker: str = "embedded",
        ecg_baud: int = 0,
    ) -> None:
        self.root = root
        self.hospital_dir = root / "hospital"
        self.vehicle_dir = root / "vehicle"
        self._ports = root / "ports"
        self._broker = broker
        self.web_port, self.broker_port, self.page_port, self.dicom_port = (free_port() for _ in range(4))
        self._ports.mkdir(parents=True)
        self.link = Link(
            ("127.0.0.1", self.broker_port),
            up_bits_per_s=up_bits_per_s,
            down_bits_per_s=down_bits_per_s,
            delay_s=delay_s,
        )
        self.ecg = EcgScpSimulator(self._ports / "ecg", baud=ecg_baud)
        self.spirometer = SpirometerSimulator(self._ports / "spiro")
        self.hospital = Program(
            "the hospital",
            ("hospital", "run", str(self.hospital_dir)),
            log=root / "hospital.log",
            ready_file=self.hospital_dir / "run" / "ready.json",
        )
        self.agent = Program(
            "the vehicle",
            ("vehicle", "run", str(self.vehicle_dir)),
            log=root / "vehicle.log",
            ready_file=self.vehicle_dir / "run" / "ports.json",
        )
        self.token = ""

    def set_up(self) -> None:
        """Make hospital and vehicle, enrol one with the other, start both; the vehicle is still locked."""
        clinic(
            *("hospital", "init", str(self.hospital_dir), "--web-port", str(self.web_port)),
            *("--broker-port", str(self.broker_port), "--broker", self._broker, "--name", "演示县医院"),
            *("--advertise", "127.0.0.1", "--advertise-port", str(self.link.port)),
        )
        clinic("vehicle", "init", str(self.vehicle_dir), "--vehicle", VEHICLE)
        enrolment = self.root / "V01-enrolment.json"
        request = self.vehicle_dir / "enrolment-request.json"
        clinic("hospital", "enrol-vehicle", str(self.hospital_dir), str(request), "--out", str(enrolment))
        clinic(
            *("vehicle", "init", str(self.vehicle_dir), "--enrolment", str(enrolment), "--staff", STAFF),
            *("--name", "张护士", "--role", "nurse", "--pin-stdin"),
            stdin=PIN + "\n",
        )
        settings = _SETTINGS.format(vehicle=VEHICLE, web=self.page_port, dicom=self.dicom_port, ports=self._ports)
        (self.vehicle_dir / "vehicle.toml").write_text(settings, encoding="utf-8")
        self.token = clinic("hospital", "token", str(self.hospital_dir), "--purpose", "statutory").out.strip()
        (self.root / "bureau-token").write_text(self.token + "\n", encoding="ascii")
        self.link.start()
        self.hospital.start()

    def publish_schedule(self) -> Path:
        """Load this month's workbook at the hospital and publish it; the workbook."""
        workbook = self.root / "month.xlsx"
        write_workbook(workbook, vehicle=VEHICLE, today=datetime.now(CHINA).date())
        clinic("schedule", "import", str(workbook), "--hospital", str(self.hospital_dir))
        clinic("schedule", "publish", "--hospital", str(self.hospital_dir))
        return workbook

    def tear_down(self) -> None:
        """Stop everything; the folders stay."""
        for program in (self.agent, self.hospital):
            program.stop()
        self.spirometer.close()
        self.ecg.close()
        self.link.stop()

    def take_link_away(self) -> None:
        """Without the thin road the broker listens, from its next start, where the vehicle was told to connect."""
        folder = folder_of(self.hospital_dir)
        HospitalSettings.load(folder).model_copy(update={"broker_port": self.link.port}).save(folder)

    # --- the nurse -----------------------------------------------------------------------------------------------

    def unlock(self) -> None:
        """The nurse logs in."""
        self.desk("login", pin=PIN)

    def desk(self, do: str, **args: Any) -> Any:
        """One act or look of the nurse, over the agent's control socket; plain JSON values back."""
        acts = {"login", "register", "open_stop", "close_stop", "open_encounter", "finish", "arm", "disarm"}
        acts |= {"bind", "reject", "mark_urgent"}
        given = {**args, "staff": STAFF} if do in acts else args
        return ask(self.vehicle_dir / "run" / "agent.sock", do, given)

    def register(self, name: str, sex: str, birth_date: str, village: str = "桃源村") -> Any:
        """Register a villager."""
        form = {"name": name, "sex": sex, "birth_date": birth_date, "village": village, "identity_check": "card+face"}
        return self.desk("register", form=form)

    # --- devices -------------------------------------------------------------------------------------------------

    def dicom_device(self, ae_title: str) -> DicomDevice:
        """A modality on the vehicle's network."""
        return DicomDevice("127.0.0.1", self.dicom_port, ae_title=ae_title)

    # --- accidents -----------------------------------------------------------------------------------------------

    def kill(self, process: str) -> int:
        """Send signal 9 to `agent`, `listener`, `hospital`, `broker`, `worker` or `web`; the pid it had, 0 if none."""
        if process in {"agent", "hospital"}:
            program = self.agent if process == "agent" else self.hospital
            pid = program.pid
            program.kill()
            return pid
        pid = self.listener_pid() if process == "listener" else self._hospital_pid(process)
        if pid:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                return 0
        return pid

    def listener_pid(self) -> int:
        """Process id of the vehicle's DICOM listener, 0 while the agent cannot say."""
        try:
            return int(self.desk("status")["listener_pid"])
        except ClinicError:
            return 0

    def _hospital_pid(self, process: str) -> int:
        try:
            pids = msgspec.json.decode((self.hospital_dir / "run" / "pids.json").read_bytes(), type=dict[str, int])
        except (OSError, msgspec.MsgspecError):
            return 0
        return pids.get(process, 0)


def keep_notice(lab: Lab) -> str:
    """How to open both pages on a kept folder."""
    command = Path(sys.executable).with_name("clinic")
    return (
        f"all data is in {lab.root}; to look at it:\n"
        f"  {command} hospital run {lab.hospital_dir} &\n"
        f"  hospital's page  http://127.0.0.1:{lab.web_port}/enter?token={lab.token}\n"
        f"  {command} vehicle run {lab.vehicle_dir} &\n"
        f"  nurse's page     http://127.0.0.1:{lab.page_port}/   staff {STAFF}, PIN {PIN}"
    )
