"""The pinned hospital: the only one this box believes."""

from pathlib import Path

import msgspec

from clinic_records.errors import BadFrame, ConfigError, Hint, PeerRefused
from sync.enrolment import Enrolment, encode
from vehicle_agent.store.durable import write_file


def pin_hospital(path: Path, enrolment: Enrolment) -> None:
    """Remember the hospital of a checked enrolment; the same identity may renew its keys, broker and tokens.

    Raises:
        PeerRefused: another hospital is pinned already.
    """
    if path.exists():
        pinned = load_pinned(path)
        if not _is_the_same(pinned, enrolment):
            raise PeerRefused(
                f"this box belongs to hospital {pinned.hospital_id} ({pinned.hospital_name}); it does not enrol with "
                f"{enrolment.hospital_id} ({enrolment.hospital_name}), whose key is another",
                hint=Hint(
                    "本车已登记在另一家医院，不能改登。先由原医院注销。",
                    "This vehicle is enrolled with another hospital; that hospital must release it first.",
                ),
            )
    write_file(path, encode(enrolment))


def _is_the_same(pinned: Enrolment, enrolment: Enrolment) -> bool:
    """Whether the enrolment's key is the pinned one, or followed from it by signed statements."""
    if pinned.hospital_id != enrolment.hospital_id:
        return False
    try:
        return pinned.chain().extended(enrolment.statements).newest.raw == enrolment.sign_public
    except (PeerRefused, BadFrame):
        return False


def load_pinned(path: Path) -> Enrolment:
    """The pinned hospital.

    Raises:
        ConfigError: none is pinned, or the file is damaged.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Enrolment)
    except FileNotFoundError:
        raise ConfigError(f"{path}: this box is not enrolled; run `clinic vehicle init` with its enrolment") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{path}: the pinned hospital cannot be read: {error}") from error
