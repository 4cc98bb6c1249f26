"""Who may say and hear what on a broker, as one table for the embedded relay and for mosquitto.

A vehicle speaks and listens under its own name only; the hospital's user may everything below our root. Signatures
decide what is believed; this keeps vehicles from hearing or disturbing one another.
"""

from enum import StrEnum
from typing import Final

from sync.topics import ROOT, Way


class Act(StrEnum):
    """What somebody wants to do with a topic (or, for SUBSCRIBE, with a filter)."""

    WRITE = "write"
    READ = "read"


VEHICLE_RULES: Final = (
    (Act.WRITE, f"{ROOT}/{{user}}/{Way.UP}/#"),
    (Act.WRITE, f"{ROOT}/{{user}}/{Way.STATE}"),
    (Act.READ, f"{ROOT}/{{user}}/{Way.DOWN}/#"),
)
"""What a vehicle may, with its user name in place of `{user}`."""
HOSPITAL_RULES: Final = ((Act.WRITE, f"{ROOT}/#"), (Act.READ, f"{ROOT}/#"))


def matches(wanted: str, allowed: str) -> bool:
    """Whether the topic or filter `wanted` lies wholly inside the filter `allowed` (MQTT 3.1.1, section 4.7).

    `allowed` has `#` at its end or nowhere, and no `+`. A wildcard in `wanted` matches only the `#` of `allowed`.
    """
    if not allowed.endswith("/#"):
        return wanted == allowed
    stem = allowed[:-1]
    return wanted.startswith(stem) and len(wanted) > len(stem)


def is_hospital(user: str, hospital: str) -> bool:
    """Whether `user` is the hospital's: `hospital` itself, or one of its workers, `hospital-...`.

    Vehicle ids are upper case, so none can have such a name.
    """
    return user == hospital or user.startswith(f"{hospital}-")


def is_allowed(user: str, hospital: str, act: Act, topic: str) -> bool:
    """Whether `user` may do `act` with `topic`; `hospital` is the name of the hospital's user."""
    rules = HOSPITAL_RULES if is_hospital(user, hospital) else VEHICLE_RULES
    return bool(user) and any(act is each and matches(topic, allowed.format(user=user)) for each, allowed in rules)
