"""What all of the coordinator's pages share: who may, which month is asked for, what stands in every head."""

import re
from collections.abc import Callable
from datetime import date, time
from pathlib import Path
from typing import Any, Final, NamedTuple

from fastapi import Request, Response
from jinja2 import pass_context
from jinja2.runtime import Context

from clinic_records.errors import ClinicError, Conflict, Hint, NotFound, RefusedInput
from clinic_records.people import Author, Role
from clinic_web.pages import lang_of
from cloud_hospital.schedule_desk.desk import ScheduleDesk
from cloud_hospital.web.coordinator.head import head_of
from cloud_hospital.web.coordinator.words import in_words, month_words, reason_words, short_day
from cloud_hospital.web.site import Site
from schedules.draft import YEARS, month_days
from schedules.expand import month_end, month_start
from schedules.folder import Draft
from schedules.reasons import SUGGESTED

HERE: Final = Path(__file__).parent
PLANNERS: Final = (Role.COORDINATOR, Role.OPERATOR)
"""Roles that plan; the pages show no patient."""
STATIC: Final = "/static/schedule"
_TIME: Final = re.compile(r"([01]?\d|2[0-3])[:：]?([0-5]\d)")


class Problem(NamedTuple):
    """Why something was not done, for the page that asked for it."""

    hint: str
    said: str


class Coordination:
    """The coordinator's side of one hospital."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.desk = ScheduleDesk(site.hospital)
        site.pages.environment.globals |= {
            "schedule_asset": schedule_asset,
            "SUGGESTED": SUGGESTED,
            **{each.__name__: _in_lang(each) for each in (in_words, reason_words, short_day, month_words)},
        }

    def planner(self, request: Request) -> Author:
        """Who acts.

        Raises:
            EnterNeeded, RoleNeeded: nobody who plans.
        """
        return self.site.person(request, *PLANNERS)

    def page(self, request: Request, name: str, draft: Draft | None, status_code: int = 200, **values: Any) -> Response:
        """One page, with its head."""
        shared: dict[str, Any] = {"problem": None, "place": name.removesuffix(".html"), "draft": draft}
        if "head" not in values:
            shared["head"] = head_of(self.desk, draft)
        return self.site.page(request, f"schedule/{name}", status_code, **{**shared, **values})

    def month(self, asked: str, draft: Draft | None) -> tuple[date, date]:
        """First and last day of the month asked for; else of today, or of the draft's day nearest to it.

        Raises:
            RefusedInput: it is no month.
        """
        if asked:
            return month_days(asked)
        day = self.desk.today()
        if draft is not None:
            day = min(max(day, draft.first), draft.last)
        return month_start(day), month_end(day)


def _in_lang(function: Callable[..., str]) -> Callable[..., str]:
    """`function(..., lang)` with the template's language filled in."""

    @pass_context
    def call(context: Context, *args: object) -> str:
        return function(*args, context["lang"])

    return call


def schedule_asset(name: str) -> str:
    """The address of a static file of these pages, with its time so that an upgraded one is fetched anew."""
    return f"{STATIC}/{name}?v={int((HERE / 'static' / name).stat().st_mtime):x}"


def problem_of(request: Request, error: ClinicError) -> Problem:
    """What a page says of an error: what to do now, then what happened."""
    return Problem(error.hint.en if lang_of(request) == "en" else error.hint.zh, str(error))


def status_of(error: ClinicError) -> int:
    """HTTP's number for what was refused: 409 where somebody was faster, 404 where there is no such thing."""
    return 409 if isinstance(error, Conflict) else 404 if isinstance(error, NotFound) else 422


def day_of(words: str) -> date:
    """A day as people type it: `2026-11-23`, `2026/11/23`.

    Raises:
        RefusedInput: it is none.
    """
    try:
        year, month, day = (int(part) for part in re.split(r"[-/.]", words.strip()))
        return date(year if year in YEARS else 0, month, day)
    except ValueError:
        hint = Hint(f"“{words[:20]}”不是日期，写成 2026-11-23。", f'"{words[:20]}" is not a date: write 2026-11-23.')
        raise RefusedInput(f"{words[:20]!r} is not a date", hint=hint) from None


def time_of(words: str) -> time | None:
    """A time of day as people type it, `8:30` or `0830`; None where nothing is written.

    Raises:
        RefusedInput: it is none.
    """
    if not words.strip():
        return None
    match = _TIME.fullmatch(words.strip())
    if match is None:
        hint = Hint(f"“{words[:20]}”不是时间，写成 08:30。", f'"{words[:20]}" is not a time: write 08:30.')
        raise RefusedInput(f"{words[:20]!r} is not a time", hint=hint)
    return time(int(match[1]), int(match[2]))
