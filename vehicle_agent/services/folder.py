"""One thread for each device that drops files: look, make durable, remember."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
import structlog

from clinic_records.clock import Clock, Stamp
from clinic_records.errors import BadFrame, ClinicError, DeviceUnavailable, StoreError
from devices.delivery import of_frame
from devices.drop_folder import SETTLED_S, DropFolder, Seen
from devices.files import MEDIA_TYPE
from devices.framing.base import Frame
from vehicle_agent.store.durable import write_file
from vehicle_agent.store.inbox import Inbox
from vehicle_agent.visits.roster import FAULT, IDLE, NOT_CONNECTED, Device, DeviceState

SCHEME: Final = "folder:"
_log = structlog.get_logger(__name__)


class FolderWatch:
    """Watches one device's folder until stopped."""

    def __init__(
        self,
        device: Device,
        inbox: Inbox,
        clock: Clock,
        *,
        memory: Path,
        report: Callable[[Device, DeviceState], None],
        delivered: Callable[[], None],
    ) -> None:
        """`memory` is the file that remembers what was taken; `report` and `delivered` are called in this thread."""
        self._device = device
        self._inbox = inbox
        self._clock = clock
        self._memory = memory
        self._report = report
        self._delivered = delivered
        self._folder = DropFolder(Path(device.url.removeprefix(SCHEME)), _remembered(memory))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"folder-{device.id}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, after what is in hand is durable."""
        self._stop.set()
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        while not self._stop.wait(SETTLED_S):
            try:
                self._look()
                self._report(self._device, DeviceState(IDLE))
            except DeviceUnavailable as error:
                self._report(self._device, DeviceState(NOT_CONNECTED, error.hint.zh, error.hint.en))
            except StoreError as error:
                self._report(self._device, DeviceState(FAULT, error.hint.zh, error.hint.en))
                _log.error("folder.not_kept", device=self._device.id, error=str(error))
            except Exception as error:  # noqa: BLE001  whatever it is, it is shown, and the next look is another try
                self._report(self._device, DeviceState(FAULT, ClinicError.default_hint.zh, ClinicError.default_hint.en))
                _log.error("folder.failed", device=self._device.id, error=type(error).__name__)

    def _look(self) -> None:
        """Take what is ready; a file that does not read keeps no other waiting.

        Raises:
            DeviceUnavailable: as the last file that did not read; all others are taken.
            StoreError: the disk refused.
        """
        unread: DeviceUnavailable | None = None
        for path in self._folder.look():
            if self._stop.is_set():
                return
            try:
                self._take(path)
            except DeviceUnavailable as error:
                unread = error
        if unread is not None:
            raise unread

    def _take(self, path: str) -> None:
        try:
            item: Frame | BadFrame = Frame(self._folder.read(path), MEDIA_TYPE)
        except BadFrame as error:
            item = error
        device, stamp = self._device, Stamp(self._clock.now(), clock_doubtful=self._clock.is_doubtful)
        name = os.fsencode(path).decode("utf-8", "backslashreplace")  # devices write names in GB18030 too
        delivery = of_frame(item, device=device.id, driver=device.driver, stamp=stamp, peer=f"{SCHEME}{name}")
        ticket = self._inbox.deliver(msgspec.json.encode(delivery), item.raw)
        self._folder.take(path)
        write_file(self._memory, msgspec.json.encode(self._folder.taken))
        _log.info("folder.delivered", device=device.id, ticket=ticket, size=len(item.raw), fault=delivery.fault)
        self._delivered()


def _remembered(memory: Path) -> dict[str, Seen]:
    """What was taken; a memory that does not read is begun anew: what comes twice is recognised by its bytes."""
    try:
        return msgspec.json.decode(memory.read_bytes(), type=dict[str, Seen])
    except (FileNotFoundError, msgspec.MsgspecError):
        return {}
