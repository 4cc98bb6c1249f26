"""The rules of quality.toml, and what a device's log says of a reading taken now. Pure."""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Final

import msgspec

from clinic_records.clock import CHINA
from clinic_records.errors import ConfigError, Hint, RefusedInput
from clinic_records.quality import QualityEntry, QualityKind, QualityMark
from clinic_records.quantity import Quantity, quantity


class Action(StrEnum):
    """What a mark does to a reading."""

    FLAG = "flag"
    BLOCK = "block"


class QualityRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one modality needs; see quality.toml.

    Attributes:
        target: of a calibration: the known quantity, as `3 L`.
        times: how many values a calibration has.
        unit: of control values where the rule knows it; empty where the device's test decides.
    """

    missing: Action
    failed: Action
    source_zh: str
    source_en: str
    needs: QualityKind | None = None
    target: str = ""
    tolerance_percent: str = ""
    times: int = 1
    unit: str = ""
    levels: tuple[str, ...] = ()
    lots: bool = False

    def limits(self) -> tuple[Quantity, Quantity] | None:
        """Lowest and highest value of a calibration; None where the lot's label says them."""
        if not self.target:
            return None
        value, unit = self.target.split(" ")
        known, share = Decimal(value), Decimal(self.tolerance_percent) / 100
        return quantity(known * (1 - share), unit), quantity(known * (1 + share), unit)

    def action(self, mark: QualityMark) -> Action:
        """What `mark` does."""
        return self.failed if mark in _BAD else self.missing


_BAD: Final = frozenset({QualityMark.FAILED, QualityMark.LOT_EXPIRED})
_MISCOUNTED: Final = Hint("请把每次的值都填上。", "Fill in every value.")


@cache
def rules() -> Mapping[str, QualityRule]:
    """Rule by modality.

    Raises:
        ConfigError: quality.toml has a row that is none.
    """
    text = (resources.files("devices") / "quality.toml").read_text("utf-8")
    try:
        return msgspec.convert(tomllib.loads(text), dict[str, QualityRule])
    except msgspec.ValidationError as error:
        raise ConfigError(f"devices/quality.toml: {error}") from error


def passed(rule: QualityRule, measured: Sequence[Quantity], low: Quantity, high: Quantity) -> bool:
    """Whether every value lies within the limits.

    Raises:
        RefusedInput: not as many values as the rule asks for, limits the wrong way round, or units that do not fit.
    """
    if len(measured) != rule.times:
        raise RefusedInput(f"measured: {len(measured)} values where the rule asks for {rule.times}", hint=_MISCOUNTED)
    highest = high.to(low.unit).value
    if highest <= low.value:
        raise RefusedInput(f"low, high: {low} is not below {high}")
    return all(low.value <= one.to(low.unit).value <= highest for one in measured)


def mark_now(rule: QualityRule, log: Sequence[QualityEntry], today: date) -> QualityMark | None:
    """What stands against a reading taken today, worst first; None where nothing does.

    Args:
        rule: of the reading's modality.
        log: the device's entries, oldest first.
        today: the clinic's date.
    """
    verified = _last(log, QualityKind.VERIFICATION)
    lot = _last(log, QualityKind.LOT)
    done = [_last(_of_level(log, rule, level), rule.needs) for level in rule.levels or ("",)] if rule.needs else []
    fresh = [entry for entry in done if entry is not None and _day(entry) == today and _after(entry, lot, rule)]
    found = {
        QualityMark.FAILED: any(entry is not None and not entry.passed for entry in done),
        QualityMark.LOT_EXPIRED: rule.lots and lot is not None and last_day(lot) < today,
        QualityMark.OVERDUE: verified is not None and last_day(verified) < today,
        QualityMark.LOT_MISSING: rule.lots and lot is None,
        QualityMark.MISSING: len(fresh) < len(done),
    }
    return next((mark for mark, holds in found.items() if holds), None)


def last_day(entry: QualityEntry) -> date:
    """The last day on which a lot or a verification is good."""
    ends = [entry.expires] if entry.expires else []
    if entry.open_days:
        ends.append(_day(entry) + timedelta(days=entry.open_days))
    return min(ends, default=date.max)


def _of_level(log: Sequence[QualityEntry], rule: QualityRule, level: str) -> list[QualityEntry]:
    return [entry for entry in log if entry.kind is not rule.needs or entry.level == level]


def _last(log: Sequence[QualityEntry], kind: QualityKind | None) -> QualityEntry | None:
    return next((entry for entry in reversed(log) if entry.kind is kind), None)


def _after(entry: QualityEntry, lot: QualityEntry | None, rule: QualityRule) -> bool:
    return not rule.lots or lot is None or entry.at >= lot.at


def _day(entry: QualityEntry) -> date:
    return entry.at.astimezone(CHINA).date()
