"""What the draft changes, visit by visit, and the step that makes it a version."""

from collections import Counter
from typing import Final

from fastapi import FastAPI, Form, Request, Response
from fastapi.responses import RedirectResponse

from clinic_records.errors import ClinicError, Conflict, Hint
from cloud_hospital.web.coordinator.head import head_of
from cloud_hospital.web.coordinator.place import Coordination, Problem, day_of, problem_of, status_of

SHOWN: Final = 300
"""Changes on one page."""


def add_publishing(app: FastAPI, here: Coordination) -> None:
    """Mount the page of changes and the publication."""

    @app.get("/schedule/changes")
    def look(request: Request) -> Response:
        here.planner(request)
        return _page(request, here, "", "", None, 200)

    @app.post("/schedule/publish")
    def publish(
        request: Request,
        revision: int = Form(-1),
        number: int = Form(-1),
        approved_by: str = Form(""),
        effective_from: str = Form(""),
    ) -> Response:
        by = here.planner(request)
        try:
            day = day_of(effective_from) if effective_from.strip() else None
            made = here.desk.publish(by, revision, approved_by, day, number)
            if made.version != number:
                raise Conflict(
                    f"version {made.version} says the same",
                    hint=Hint(
                        f"第{made.version}版已是这样，没有新的版本。",
                        f"Version {made.version} says so already; there is no new one.",
                    ),
                )
        except ClinicError as error:
            return _page(request, here, approved_by, effective_from, problem_of(request, error), status_of(error))
        return RedirectResponse("/schedule/versions", 303)


def _page(
    request: Request, here: Coordination, approved_by: str, effective_from: str, problem: Problem | None, status: int
) -> Response:
    draft = here.desk.draft()
    if draft is None:
        return here.page(request, "nothing.html", draft)
    head = head_of(here.desk, draft)
    today = here.desk.today()
    start = today if draft.first <= today <= draft.last else draft.first
    return here.page(
        request,
        "changes.html",
        draft,
        status,
        head=head,
        counts=Counter(one.kind.value for one in head.differing),
        shown=head.differing[:SHOWN],
        more=max(0, len(head.differing) - SHOWN),
        approved_by=approved_by,
        effective_from=effective_from or start.isoformat(),
        problem=problem,
    )
