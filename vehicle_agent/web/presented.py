"""Cards and codes on the pages: what the box beside each page shows, and what a card writes into the form."""

from datetime import date
from typing import NamedTuple

from clinic_records.care import StopStatus
from clinic_records.clock import CHINA
from clinic_records.people import IdentityCheck
from vehicle_agent.visits.identity import Presented
from vehicle_agent.visits.identity_known import PresentedView
from vehicle_agent.visits.views import QueueRow
from vehicle_agent.web.registration import LIMITS
from vehicle_agent.web.site import Site


class Cards(NamedTuple):
    """What the box needs: the events, who is here today, and a key for its forms."""

    views: list[PresentedView]
    queue: list[QueueRow]
    is_open: bool
    day: date
    key: str

    def fill(self, event: Presented) -> dict[str, str]:
        """See `form_of`; for the template."""
        return form_of(event)


def form_of(event: Presented) -> dict[str, str]:
    """Control of the registration form -> what a card or a number writes into it; empty where it names nobody."""
    if event.card is None:
        is_number = event.scan is not None and event.scan.kind == "resident"
        return {"resident_id": event.scan.value} if event.scan is not None and is_number else {}
    card = event.card
    return {
        "name": card.name,
        "resident_id": card.number,
        "sex": card.sex.value,
        "birth_year": str(card.birth_date.year),
        "birth_month": str(card.birth_date.month),
        "birth_day": str(card.birth_date.day),
        "identity_check": IdentityCheck.CARD.value,
        "village": card.address[: LIMITS["village"]],
        "card": event.token,
    }


async def draw(site: Site, views: list[PresentedView], place: str, lang: str) -> str:
    """The box as text; empty where nothing waits."""
    if not views:
        return ""
    today = await site.desk.today()
    is_open = today.stop is not None and today.stop.status is StopStatus.OPEN
    # one key for each set of events: the box is drawn anew at each beat and must not differ each time
    key = "-".join(["card", f"{site.now.astimezone(CHINA):%Y%m%d}", *(view.presented.token for view in views)])
    cards = Cards(views, today.queue, is_open, site.today, key)
    return site.pages.macro("presented.html", "presented", lang, cards, place)
