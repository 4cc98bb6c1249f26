"""Users of the broker: one for each vehicle and one for the intake worker, in keys/broker-users.json (mode 600)."""

import secrets
from typing import Final

import msgspec

from cloud_hospital.folder import HospitalFolder
from sync.durable import write_file

INTAKE: Final = "hospital"
"""The intake worker's user; vehicle ids are upper case, so none can have this name."""


def broker_users(folder: HospitalFolder) -> dict[str, str]:
    """Password of each user."""
    path = folder.keys / "broker-users.json"
    return msgspec.json.decode(path.read_bytes(), type=dict[str, str]) if path.exists() else {}


def broker_password(folder: HospitalFolder, user: str) -> str:
    """The user's password of 192 random bits, made and kept where there is none yet."""
    users = broker_users(folder)
    if user not in users:
        users[user] = secrets.token_urlsafe(24)
        write_file(folder.keys / "broker-users.json", msgspec.json.encode(users))
    return users[user]
