"""The devices of the storm: each says one unique measurement after the other and remembers what it said, and when."""

import random
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.fuzz.targets import healed_scp
from clinic_records.errors import DeviceError
from clinic_records.ids import sha256_hex
from devices.framing.mllp import FS, VT
from devices.simulators.ecg_scp import BAUD, scp_record
from devices.simulators.hl7_devices import chemistry_message, deliver
from devices.simulators.pty_line import PtyLine
from devices.simulators.spirometer import SpirometerSimulator, blow_record
from devices.transports.tcp import open_tcp

_MARK: Final = "storm-00-00000"
_LISTENED_S: Final = 20.0
DRAIN_S: Final = 1.0
"""What a device has written to a pty counts as said once nobody pulled the plug for so long."""


@dataclass(frozen=True)
class Said:
    """One measurement that was said whole (and answered, where the protocol answers)."""

    sha256: str
    begun: datetime
    ended: datetime


class Talker(threading.Thread):
    """A device. `shaken` asks for its plug to be pulled, at once and in the middle of what it says."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.said: list[Said] = []
        self.shakes = 0
        self.shaken = threading.Event()
        self.stopped = threading.Event()

    def run(self) -> None:
        """Talk until stopped."""
        number = 0
        while not self.stopped.is_set():
            number += 1
            begun = datetime.now(UTC)
            for sha256 in self.say(number):
                self.said.append(Said(sha256, begun, datetime.now(UTC)))
        self.close()

    def say(self, number: int) -> list[str]:
        """Say measurement `number`; the SHA-256 of what was said whole and is the vehicle's from now on."""
        raise NotImplementedError

    def close(self) -> None:
        """Unplug for good."""

    def _is_shaken(self) -> bool:
        if not self.shaken.is_set():
            return False
        self.shaken.clear()
        self.shakes += 1
        return True


class EcgTalker(Talker):
    """An electrocardiograph that streams one record after the other at 115200 baud; nobody answers it."""

    def __init__(self, name: str, link: Path, seed: int) -> None:
        super().__init__(name)
        self._link = link
        self._line = PtyLine(link)
        self._chance = random.Random(seed)  # noqa: S311  to be repeated, no secret
        self._record = scp_record(name=_MARK)

    def say(self, number: int) -> list[str]:
        """Stream a record; cut in the middle where the plug is pulled."""
        mark = f"storm-{self.name[-2:]}-{number:05}"
        record = healed_scp(self._record.replace(_MARK.encode(), mark.encode()))
        cut = self._chance.randrange(1, len(record))
        with suppress(DeviceError):  # nobody reads just now: the next one is said anew
            self._line.wait_connected(_LISTENED_S)
            self._line.write(record[:cut], baud=BAUD, timeout_s=5)
            if self._is_shaken():
                self._replug()
                return []
            self._line.write(record[cut:], baud=BAUD, timeout_s=5)
            time.sleep(DRAIN_S)
            return [sha256_hex(record)] if self._line.is_connected else []
        return []

    def _replug(self) -> None:
        self._line.close()
        time.sleep(self._chance.uniform(0.1, 1.0))
        self._line = PtyLine(self._link)

    def close(self) -> None:
        """Unplug for good."""
        self._line.close()


class SpirometerTalker(Talker):
    """A spirometer that is asked for its memory; a blow counts once the vehicle has asked for what follows."""

    _EVERY_S: Final = 4.0

    def __init__(self, name: str, link: Path, seed: int) -> None:
        super().__init__(name)
        self._link = link
        self._seed = seed
        self._device = SpirometerSimulator(link)
        self._told = 0

    def say(self, number: int) -> list[str]:
        """Blow, and wait until the vehicle has come round; another device in its place where the plug was pulled."""
        self._device.blow(blow_record(fvc=2.0 + (number * 37 + self._seed) % 200 / 100, taken=datetime.now(UTC)))
        until = time.monotonic() + self._EVERY_S
        while time.monotonic() < until:
            if self._is_shaken():
                told = self._new()
                self._device.close()
                self._device, self._told = SpirometerSimulator(self._link), 0
                return told
            time.sleep(0.05)
        return self._new()

    def _new(self) -> list[str]:
        saw = self._device.saw
        new, self._told = saw[self._told :], len(saw)
        return [one.sha256 for one in new if one.acknowledged]

    def close(self) -> None:
        """Unplug for good."""
        self._device.close()


class AnalyserTalker(Talker):
    """An analyser that calls our port with HL7 results; one is said once it was answered with AA."""

    _EVERY_S: Final = 3.5

    def __init__(self, name: str, port: int) -> None:
        super().__init__(name)
        self._port = port

    def say(self, number: int) -> list[str]:
        """Send one result; where the plug is pulled, the same again."""
        control = f"{self.name}-{number}"
        data = chemistry_message(control, datetime.now(UTC), sample="")
        while not self.stopped.is_set():
            with suppress(DeviceError, OSError):
                wire = open_tcp(f"127.0.0.1:{self._port}")
                try:
                    if self._is_shaken():
                        wire.write(b"\x0b" + data[: len(data) // 2])
                        continue
                    if deliver(wire, self.stopped, data, control) == "AA":
                        self.stopped.wait(self._EVERY_S)
                        return [sha256_hex(VT + data + FS)]
                finally:
                    wire.close()
            self.stopped.wait(0.2)
        return []
