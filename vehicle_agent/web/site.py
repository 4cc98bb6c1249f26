"""What every page of the vehicle shares: the desk, the templates, the session, the bars."""

from datetime import date, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from clinic_records.clock import CHINA, Clock
from clinic_records.errors import Hint, StoreError
from clinic_records.people import Author
from clinic_web.once import Once
from clinic_web.pages import Pages, create_templates, lang_of
from clinic_web.sessions import Sessions
from schedules.reasons import reason_in
from vehicle_agent.visits.message_desk import Waiting
from vehicle_agent.visits.port import DeskPort
from vehicle_agent.visits.views import SyncView, UrgentView
from vehicle_agent.web.measures import install
from vehicle_agent.web.settings import SiteSettings

HERE: Final = Path(__file__).parent


class LoginNeeded(Exception):
    """No open session; answered with the login page, or 401 where a script asked."""


class Site:
    """One vehicle's pages; kept as `app.state.site`."""

    def __init__(self, desk: DeskPort, settings: SiteSettings, clock: Clock) -> None:
        self.desk = desk
        self.settings = settings
        self.clock = clock
        self.pages: Pages = create_templates([HERE / "templates"], [HERE / "texts.toml"])
        install(self.pages)
        self.pages.environment.globals["reason_in"] = reason_in
        self.sessions = Sessions(clock.monotonic_s, settings.idle_lock_s, secure=settings.is_https)
        self.once: Once[str] = Once()
        self.streams = 0
        self.is_closing = False

    def close(self) -> None:
        """End every event stream, so that the server can stop; call it in the pages' loop."""
        self.is_closing = True
        self.desk.events.publish("closing")

    @property
    def now(self) -> datetime:
        """The vehicle's time."""
        return self.clock.now()

    @property
    def today(self) -> date:
        """The day in China."""
        return self.now.astimezone(CHINA).date()

    def author(self, request: Request) -> Author:
        """Who acts.

        Raises:
            LoginNeeded: nobody, or the session idled out, or the store was locked since.
        """
        session = self.sessions.find(request)
        if session is None or not self.desk.is_open:
            raise LoginNeeded
        return session.author

    async def sync(self) -> SyncView | None:
        """The counts of the top bar; None while the store cannot say."""
        try:
            return await self.desk.sync_status()
        except StoreError:
            return None

    async def waiting(self) -> int:
        """How many readings wait for a person."""
        try:
            return len(await self.desk.unbound())
        except StoreError:
            return 0

    async def urgent(self) -> list[UrgentView]:
        """What was marked urgent, until somebody has seen it."""
        try:
            return await self.desk.urgent()
        except StoreError:
            return []

    async def messages(self) -> Waiting | None:
        """The hospital's messages nobody here has seen; None while the store cannot say."""
        try:
            return await self.desk.messages.waiting()
        except StoreError:
            return None

    async def page(
        self, request: Request, name: str, live: str = "", status_code: int = 200, **values: Any
    ) -> Response:
        """A page with its bars. `live` is what its event stream follows; empty means no stream."""
        session = self.sessions.find(request, is_act=False)
        lang = lang_of(request)
        shared = {
            "author": session.author if session else None,
            "people": await self.desk.people() if session else [],
            "day": self.today,
            "now": self.now,
            "vehicle": self.vehicle_name(lang),
            "sync": await self.sync(),
            "waiting": await self.waiting() if session else 0,
            "messages": await self.messages() if session else None,
            "urgent": await self.urgent() if session else [],
            "phones": self.settings.phones,
            "live": live,
        }
        return self.pages.page(request, name, {**shared, **values}, status_code=status_code)

    def say(self, request: Request, key: str, **values: object) -> str:
        """A text in the language of this browser."""
        return self.pages.catalogue.say(lang_of(request), key, **values)

    def hint(self, key: str) -> Hint:
        """A text of the catalogue as the hint of an error."""
        text = self.pages.catalogue.texts[key]
        return Hint(text.zh, text.en)

    def vehicle_name(self, lang: str) -> str:
        """What people call this vehicle."""
        named = self.settings.vehicle_name_en if lang == "en" else self.settings.vehicle_name_zh
        return named or self.settings.vehicle


def site_of(request: Request) -> Site:
    """The Site of the running application."""
    site: Site = request.app.state.site
    return site


def is_htmx(request: Request) -> bool:
    """Whether htmx asked, so that a redirect must be told to it."""
    return request.headers.get("hx-request") == "true"


def go(request: Request, url: str) -> Response:
    """Go to another page after an act."""
    if is_htmx(request):
        return Response(status_code=204, headers={"hx-redirect": url})
    return RedirectResponse(url, 303)


def local_path(text: str) -> str:
    """`text` when it is a path of this server, else `/`: nobody sends a nurse elsewhere."""
    is_local = text.startswith("/") and not text.startswith(("//", "/\\")) and not any(c < " " for c in text)
    return quote(text, safe="/?=&-_.~%") if is_local else "/"


async def fields(request: Request) -> dict[str, str]:
    """The text fields of a posted form; files and repeats are not taken."""
    form = await request.form(max_files=0, max_fields=100)
    return {name: value for name, value in form.items() if isinstance(value, str)}
