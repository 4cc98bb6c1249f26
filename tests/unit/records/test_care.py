from collections.abc import Mapping
from datetime import date
from enum import StrEnum

import pytest

from clinic_records.care import ENCOUNTER_MOVES, RECORDING_MOVES, STOP_MOVES, EncounterStatus, RecordingStatus, move
from clinic_records.errors import Conflict
from clinic_records.people import full_years

TABLES: list[Mapping[StrEnum, frozenset[StrEnum]]] = [STOP_MOVES, ENCOUNTER_MOVES, RECORDING_MOVES]  # type: ignore[list-item]  # a mixed list only here


@pytest.mark.parametrize("moves", TABLES)
def test_every_pair_of_states_is_either_allowed_or_a_conflict(moves: Mapping[StrEnum, frozenset[StrEnum]]) -> None:
    states = list(type(next(iter(moves))))
    allowed = 0
    for now in states:
        for to in states:
            if to in moves.get(now, frozenset()):
                assert move(moves, now, to) is to
                allowed += 1
            else:
                with pytest.raises(Conflict, match=f"{now} cannot become {to}"):
                    move(moves, now, to)
    assert 0 < allowed < len(states) ** 2


def test_a_finished_encounter_only_becomes_entered_in_error() -> None:
    assert ENCOUNTER_MOVES[EncounterStatus.FINISHED] == {EncounterStatus.ENTERED_IN_ERROR}
    assert EncounterStatus.ENTERED_IN_ERROR not in ENCOUNTER_MOVES


def test_a_superseded_recording_stays_so() -> None:
    assert RecordingStatus.SUPERSEDED not in RECORDING_MOVES


@pytest.mark.parametrize(
    ("born", "on", "years"),
    [
        (date(1959, 3, 8), date(2026, 3, 7), 66),
        (date(1959, 3, 8), date(2026, 3, 8), 67),
        (date(2024, 2, 29), date(2025, 2, 28), 0),
        (date(2024, 2, 29), date(2025, 3, 1), 1),
    ],
)
def test_full_years(born: date, on: date, years: int) -> None:
    assert full_years(born, on) == years
