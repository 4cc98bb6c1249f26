"""Both ends compared: what the vehicle made, hashed there, with what the hospital holds, hashed there."""

import json
import urllib.request
from typing import Any, Final

import msgspec

from commands.demo.lab import Lab

_WRONGS: Final = ("lost", "altered", "phantom", "doubled")


class Comparison(msgspec.Struct, frozen=True):
    """Counts of one comparison; the lists name what is wrong, empty when both ends are the same.

    Attributes:
        lost: made on the vehicle, not at the hospital.
        altered: at both ends with another hash.
        phantom: at the hospital, never made on the vehicle.
        doubled: at the hospital more than once.
    """

    records: int
    blobs: int
    lost: tuple[str, ...]
    altered: tuple[str, ...]
    phantom: tuple[str, ...]
    doubled: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        """Whether both ends hold the same."""
        return not (self.lost or self.altered or self.phantom or self.doubled)


def compare(lab: Lab) -> Comparison:
    """Ask both ends to read and hash all they have, and lay the answers side by side."""
    made = {_key(each): each["sha256"] for each in lab.desk("proof")}
    proof = hospital_get(lab, "/api/v1/proof")
    held: dict[str, str] = {}
    doubled: list[str] = []
    for entry in proof["entries"]:
        key = _key(entry)
        doubled += [key] if key in held else []
        held[key] = entry["sha256"]
    for blob in proof["blobs"]:
        key = _key({"kind": "blob", "id": blob["sha256"], "revision": 1})
        doubled += [key] if key in held else []
        held[key] = blob["sha256"] if blob["is_intact"] else "damaged"
    return Comparison(
        records=sum(not key.startswith("blob ") for key in made),
        blobs=sum(key.startswith("blob ") for key in made),
        lost=tuple(sorted(made.keys() - held.keys())),
        altered=tuple(sorted(key for key in made.keys() & held.keys() if made[key] != held[key] or not made[key])),
        phantom=tuple(sorted(held.keys() - made.keys())),
        doubled=tuple(doubled),
    )


def proof_line(found: Comparison) -> str:
    """The demo's last line; what is wrong, if anything, is named before it."""
    wrong = [f"{word}: {thing}" for word in _WRONGS for thing in getattr(found, word)]
    sums = ", ".join(f"{len(getattr(found, word))} {word}" for word in _WRONGS)
    verdict = "the same at both ends" if found.is_same else "NOT the same at both ends"
    line = f"PROOF: {found.records} records and {found.blobs} blobs, SHA-256 of each: {verdict} ({sums})"
    return "\n".join([*wrong, line])


def hospital_get(lab: Lab, path: str) -> Any:
    """A JSON answer of the hospital's interface, with the lab's token."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{lab.web_port}{path}", headers={"Authorization": f"Bearer {lab.token}"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
        return json.load(answer)


def _key(thing: dict[str, Any]) -> str:
    return f"{thing['kind']} {thing['id']} revision {thing['revision']}"
