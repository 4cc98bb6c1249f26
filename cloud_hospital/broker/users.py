"""Users of a broker without TLS: a password each, in keys/broker-users.json (mode 600)."""

import secrets
from contextlib import AbstractContextManager
from typing import Final

import msgspec

from cloud_hospital.folder import HospitalFolder
from sync.durable import locked, write_file

INTAKE: Final = "hospital"
"""The hospital's user, and the beginning of its workers' names; vehicle ids are upper case, so none has such a name."""


def broker_users(folder: HospitalFolder) -> dict[str, str]:
    """Password of each user."""
    path = folder.broker_users
    return msgspec.json.decode(path.read_bytes(), type=dict[str, str]) if path.exists() else {}


def broker_password(folder: HospitalFolder, user: str) -> str:
    """The user's password of 192 random bits, made and kept where there is none yet."""
    if (known := broker_users(folder).get(user)) is not None:
        return known
    with _alone(folder):
        users = broker_users(folder)
        if user not in users:
            users[user] = secrets.token_urlsafe(24)
            write_file(folder.broker_users, msgspec.json.encode(users))
        return users[user]


def forget_user(folder: HospitalFolder, user: str) -> None:
    """The user's password opens nothing any more; the running broker follows and ends its connection."""
    with _alone(folder):
        users = broker_users(folder)
        if users.pop(user, None) is not None:
            write_file(folder.broker_users, msgspec.json.encode(users))


def _alone(folder: HospitalFolder) -> AbstractContextManager[None]:
    """Nobody else changes the file: an enrolment would be lost, or a revoked user come back."""
    return locked(folder.run / "broker-users.lock")
