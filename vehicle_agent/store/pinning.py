"""The pinned hospital: the only one this box believes."""

from pathlib import Path

from sync.enrolment import Enrolment


def pin_hospital(path: Path, enrolment: Enrolment) -> None:
    """Remember the hospital of a checked enrolment; the same identity may renew its broker and tokens.

    Raises:
        PeerRefused: another hospital is pinned already.
    """
    raise NotImplementedError


def load_pinned(path: Path) -> Enrolment:
    """The pinned hospital (ConfigError where none is pinned)."""
    raise NotImplementedError
