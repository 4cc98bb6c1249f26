"""The manager's states as a table (IEEE 11073-20601-2008, 8.4 and its state table; numbers in brackets are its rows).

The state "checking configuration" is passed within one event: whether a configuration is good is part of the event.
We never release by ourselves, so there is no state "disassociating" at this end.
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final


class State(Enum):
    """Where the association stands."""

    UNASSOCIATED = auto()
    WAITING_FOR_CONFIGURATION = auto()
    OPERATING = auto()


class Heard(Enum):
    """What came from the agent."""

    REQUEST_KNOWN = "association request, configuration known"
    REQUEST_UNKNOWN = "association request, configuration unknown"
    REQUEST_UNACCEPTABLE = "association request that offers nothing we speak"
    ASSOCIATION_RESPONSE = "association response"
    RELEASE_REQUEST = "release request"
    RELEASE_RESPONSE = "release response"
    ABORT = "abort"
    GOOD_CONFIGURATION = "configuration with something we read"
    BAD_CONFIGURATION = "configuration with nothing we read"
    REPORT = "report of measurements"
    OPERATION = "another operation"
    ANSWER = "answer, error or rejection"


class Do(Enum):
    """What the manager does about it."""

    NOTHING = auto()
    ACCEPT = auto()
    ASK_CONFIGURATION = auto()
    REFUSE = auto()
    ABORT = auto()
    RELEASE = auto()
    TAKE_CONFIGURATION = auto()
    REFUSE_CONFIGURATION = auto()
    TAKE_REPORT = auto()
    REFUSE_OPERATION = auto()
    TAKE_ANSWER = auto()


_FREE, _WAITING, _OPERATING = State.UNASSOCIATED, State.WAITING_FOR_CONFIGURATION, State.OPERATING
TRANSITIONS: Final[Mapping[tuple[State, Heard], tuple[Do, State]]] = {
    (_FREE, Heard.REQUEST_KNOWN): (Do.ACCEPT, _OPERATING),  # 2.9
    (_FREE, Heard.REQUEST_UNKNOWN): (Do.ASK_CONFIGURATION, _WAITING),  # 2.10
    (_FREE, Heard.REQUEST_UNACCEPTABLE): (Do.REFUSE, _FREE),  # 2.11
    (_FREE, Heard.ASSOCIATION_RESPONSE): (Do.ABORT, _FREE),  # 2.12
    (_FREE, Heard.RELEASE_REQUEST): (Do.ABORT, _FREE),  # 2.16
    (_FREE, Heard.RELEASE_RESPONSE): (Do.NOTHING, _FREE),  # 2.17
    (_FREE, Heard.ABORT): (Do.NOTHING, _FREE),  # 2.18
    (_FREE, Heard.GOOD_CONFIGURATION): (Do.ABORT, _FREE),  # 2.19
    (_FREE, Heard.BAD_CONFIGURATION): (Do.ABORT, _FREE),
    (_FREE, Heard.REPORT): (Do.ABORT, _FREE),
    (_FREE, Heard.OPERATION): (Do.ABORT, _FREE),
    (_FREE, Heard.ANSWER): (Do.ABORT, _FREE),
    (_WAITING, Heard.REQUEST_KNOWN): (Do.ABORT, _FREE),  # 6.8
    (_WAITING, Heard.REQUEST_UNKNOWN): (Do.ABORT, _FREE),
    (_WAITING, Heard.REQUEST_UNACCEPTABLE): (Do.ABORT, _FREE),
    (_WAITING, Heard.ASSOCIATION_RESPONSE): (Do.ABORT, _FREE),  # 6.12
    (_WAITING, Heard.RELEASE_REQUEST): (Do.RELEASE, _FREE),  # 6.16
    (_WAITING, Heard.RELEASE_RESPONSE): (Do.ABORT, _FREE),  # 6.17
    (_WAITING, Heard.ABORT): (Do.NOTHING, _FREE),  # 6.18
    (_WAITING, Heard.GOOD_CONFIGURATION): (Do.TAKE_CONFIGURATION, _OPERATING),  # 6.24, 7.32
    (_WAITING, Heard.BAD_CONFIGURATION): (Do.REFUSE_CONFIGURATION, _WAITING),  # 6.24, 7.31
    (_WAITING, Heard.REPORT): (Do.REFUSE_OPERATION, _WAITING),  # 6.25
    (_WAITING, Heard.OPERATION): (Do.REFUSE_OPERATION, _WAITING),
    (_WAITING, Heard.ANSWER): (Do.NOTHING, _WAITING),  # 6.26
    (_OPERATING, Heard.REQUEST_KNOWN): (Do.ABORT, _FREE),  # 8.8
    (_OPERATING, Heard.REQUEST_UNKNOWN): (Do.ABORT, _FREE),
    (_OPERATING, Heard.REQUEST_UNACCEPTABLE): (Do.ABORT, _FREE),
    (_OPERATING, Heard.ASSOCIATION_RESPONSE): (Do.ABORT, _FREE),  # 8.12
    (_OPERATING, Heard.RELEASE_REQUEST): (Do.RELEASE, _FREE),  # 8.16
    (_OPERATING, Heard.RELEASE_RESPONSE): (Do.ABORT, _FREE),  # 8.17
    (_OPERATING, Heard.ABORT): (Do.NOTHING, _FREE),  # 8.18
    (_OPERATING, Heard.GOOD_CONFIGURATION): (Do.REFUSE_OPERATION, _OPERATING),  # 8.21: it is settled
    (_OPERATING, Heard.BAD_CONFIGURATION): (Do.REFUSE_OPERATION, _OPERATING),
    (_OPERATING, Heard.REPORT): (Do.TAKE_REPORT, _OPERATING),  # 8.21
    (_OPERATING, Heard.OPERATION): (Do.REFUSE_OPERATION, _OPERATING),  # 8.21
    (_OPERATING, Heard.ANSWER): (Do.TAKE_ANSWER, _OPERATING),  # 8.26
}
"""(state, what was heard) -> (what to do, next state); complete."""
