"""What devices and the nurse were told, and whether the hospital holds exactly that."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from clinic_records.errors import BadFrame
from clinic_records.ids import sha256_hex
from commands.demo.lab import Lab
from commands.demo.proof import compare, hospital_get
from devices.dicom.part10 import dataset_sha256


@dataclass
class Told:
    """Every yes that was given, kept outside all programs under test.

    Attributes:
        saved: `kind id` of things whose Save was answered.
        shown: SHA-256 of records of devices without acknowledgement, once the vehicle showed them.
        stored: SHA-256 of DICOM datasets answered with success.
        offered: SHA-256 of everything any device ever sent, acknowledged or not.
    """

    saved: set[str] = field(default_factory=set)
    shown: set[str] = field(default_factory=set)
    stored: set[str] = field(default_factory=set)
    offered: set[str] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.saved) + len(self.shown) + len(self.stored)


@dataclass(frozen=True)
class Verdict:
    """The judgement; all four must be empty."""

    lost: tuple[str, ...]
    duplicated: tuple[str, ...]
    altered: tuple[str, ...]
    phantom: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.duplicated or self.altered or self.phantom)

    def __str__(self) -> str:
        return (
            f"{len(self.lost)} lost, {len(self.duplicated)} duplicated, {len(self.altered)} altered, "
            f"{len(self.phantom)} phantom"
        )


def judge(lab: Lab, told: Told) -> Verdict:
    """Lay what was told beside what the hospital holds, once everything has been received."""
    ends = compare(lab)
    entries = hospital_get(lab, "/api/v1/proof")["entries"]
    held = {f"{entry['kind']} {entry['id']}" for entry in entries}
    raw = Counter(content for path in _blob_files(lab) for content in (_content_hash(path),))
    recordings = Counter(entry["id"] for entry in entries if entry["kind"] == "recording" and entry["revision"] == 1)
    lost = [*(told.saved - held), *((told.shown | told.stored) - raw.keys()), *ends.lost]
    duplicated = [
        *(content for content, times in raw.items() if times > 1),
        *(name for name, times in recordings.items() if times > 1),
        *ends.doubled,
    ]
    # one recording for each thing a device sent: a second one of the same bytes would be a double in the chart
    if len(recordings) > len(raw):
        duplicated.append(f"{len(recordings)} recordings of {len(raw)} raw files")
    phantom = [*ends.phantom, *(content for content in raw if content not in told.offered)]
    return Verdict(tuple(lost), tuple(duplicated), tuple(ends.altered), tuple(phantom))


def _blob_files(lab: Lab) -> list[Path]:
    """What lies under its hash; beside it a killed worker may leave a half-opened file, which is cleared in a day."""
    return [path for path in (lab.hospital_dir / "blobs").glob("??/*") if path.is_file()]


def _content_hash(path: Path) -> str:
    """Of a DICOM file the dataset as the device sent it; of anything else all bytes."""
    try:
        return dataset_sha256(path)
    except BadFrame:
        return sha256_hex(path.read_bytes())
