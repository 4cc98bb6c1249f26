"""A place for DICOM objects that tests can look into, and make fail."""

import uuid
from pathlib import Path

from devices.delivery import Delivery


class Arrivals:
    """Objects come into `folder/temp` and are kept as `folder/N.dcm`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.temp = folder / "temp"
        self.temp.mkdir()
        self.kept: list[tuple[Delivery, Path]] = []
        self.fails: Exception | None = None

    def begin(self) -> "FileArrival":
        return FileArrival(self)


class FileArrival:
    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._path = arrivals.temp / uuid.uuid4().hex
        self._file = self._path.open("xb")

    def write(self, data: bytes | memoryview, /) -> None:
        self._file.write(data)

    def keep(self, delivery: Delivery, /) -> None:
        if self._arrivals.fails is not None:
            raise self._arrivals.fails
        self._file.close()
        kept = self._arrivals.folder / f"{len(self._arrivals.kept)}.dcm"
        self._path.rename(kept)
        self._arrivals.kept.append((delivery, kept))

    def drop(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)
