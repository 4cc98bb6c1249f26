"""What every page of the hospital shares: templates, who is signed in, and what a role may see."""

from datetime import datetime
from pathlib import Path
from typing import Any, Final

from fastapi import Request, Response
from jinja2 import pass_context
from jinja2.runtime import Context

from clinic_records.clock import CHINA
from clinic_records.errors import AccessError
from clinic_records.people import Author, Role
from clinic_web.pages import create_templates
from clinic_web.sessions import Sessions
from cloud_hospital.api.access import need_statutory
from cloud_hospital.hospital import Hospital
from cloud_hospital.tokens import Bearer, Purpose, check_token
from cloud_hospital.users import active_user, password_mark

HERE: Final = Path(__file__).parent
COOKIE: Final = "hospital"
IDLE_S: Final = 30 * 60.0
"""Seconds without an act after which a person signs in again."""
READERS: Final = (Role.SPECIALIST, Role.DOCTOR)
"""Roles whose work is to read cases; a coordinator, an operator and the bureau see no patient on these pages."""


class EnterNeeded(Exception):
    """Nobody is signed in; answered with the page that asks who it is."""


class RoleNeeded(Exception):
    """Signed in, but not with a role that may; answered with a page that says so."""


class Site:
    """The pages of one hospital."""

    def __init__(self, hospital: Hospital) -> None:
        self.hospital = hospital
        self.sessions = Sessions(hospital.clock.monotonic_s, IDLE_S)
        coordinator = HERE / "coordinator"
        self.pages = create_templates(
            [HERE / "templates", coordinator / "templates"], [HERE / "texts.toml", coordinator / "texts.toml"]
        )

        @pass_context
        def modality(context: Context, name: str) -> str:
            text = self.pages.catalogue.texts.get(f"modality.{name}")
            return text.in_lang(context["lang"]) if text else name

        self.pages.environment.globals |= {"modality": modality, "china": CHINA, "instant": datetime.fromisoformat}

    def person(self, request: Request, *roles: Role) -> Author:
        """Who acts, as their account stands now; with `roles`, only if theirs is one of them.

        Raises:
            EnterNeeded: nobody is signed in, or the account was disabled or got another password since.
            RoleNeeded: another role.
        """
        session = self.sessions.find(request, is_act="hx-request" not in request.headers)
        user = None if session is None else active_user(self.hospital, session.author.staff)
        if user is None or session is None or session.mark != password_mark(self.hospital, user.staff):
            raise EnterNeeded
        if roles and user.role not in roles:
            raise RoleNeeded
        return user.author

    def is_coordinator(self, request: Request) -> bool:
        """Whether a coordinator is signed in: her first page is the month."""
        try:
            return self.person(request).role is Role.COORDINATOR
        except EnterNeeded:
            return False

    def caller(self, request: Request) -> Bearer:
        """Who looks: a person whose role reads cases, or the holder of a token.

        Raises:
            EnterNeeded: neither, or a token that does not open the pages.
            RoleNeeded: a person with another role.
        """
        try:
            return self.check(request.cookies.get(COOKIE, ""))
        except AccessError:
            return Bearer(self.person(request, *READERS).staff, Purpose.STATUTORY)

    def check(self, token: str) -> Bearer:
        """Whose token it is; only statutory ones open pages that show names.

        Raises:
            AccessError: it opens nothing.
        """
        return need_statutory(check_token(self.hospital.engine, token, self.hospital.now()))

    def page(self, request: Request, name: str, status_code: int = 200, **values: Any) -> Response:
        """One page with what all of them show."""
        now: datetime = self.hospital.now()
        session = self.sessions.find(request, is_act=False)
        shared = {
            "hospital": self.hospital.settings.name,
            "now": now,
            "day": now.astimezone(CHINA).date(),
            "author": session.author if session else None,
        }
        return self.pages.page(request, name, {**shared, **values}, status_code=status_code)
