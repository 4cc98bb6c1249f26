"""The leaves of each page: small pieces drawn by the same macros as the page, sent whole when they change."""

from collections.abc import Callable
from typing import Any, NamedTuple

from clinic_records.care import RecordingStatus
from clinic_records.ids import EncounterId, RecordId
from vehicle_agent.visits.views import EncounterView
from vehicle_agent.web.presented import draw as draw_presented
from vehicle_agent.web.site import Site

Draw = Callable[..., str]


class Leaf(NamedTuple):
    """One piece: `event` is what the page listens for, `key` tells pieces of one event apart."""

    key: str
    event: str
    html: str

    @property
    def is_row(self) -> bool:
        """Whether it is a new row of a list: sent once; what changes in it are leaves of their own."""
        return self.event != self.key


def _leaf(name: str, html: str) -> Leaf:
    return Leaf(name, name, html)


async def leaves_of(site: Site, page: str, lang: str, *, is_first: bool, known: set[str]) -> list[Leaf]:
    """All leaves of `page`, drawn now.

    Args:
        site: the vehicle's pages.
        lang: `zh` or `en`.
        page: `today`, `enc:<id>`, `unbound`, `sync`, `register` or `rec:<id>`.
        is_first: nothing was sent to this tab yet: arrivals before it are no news to speak about.
        known: keys sent before, so that what vanished can be said to have.

    Raises:
        StoreError: the store could not say.
    """

    def draw(macro: str, *args: Any) -> str:
        return site.pages.macro("leaves.html", macro, lang, *args)

    place, _, which = page.partition(":")
    bars = [
        _leaf("urgent", draw("urgents", await site.urgent(), site.settings.phones)),
        _leaf("counts", draw("counts", await site.sync())),
        _leaf("waiting", draw("waiting", await site.waiting())),
        _leaf("messages", draw("messages", await site.messages())),
        _leaf("presented", await draw_presented(site, await site.desk.identity.waiting(), place, lang)),
    ]
    if place == "today":
        return bars + await _today(site, draw)
    if place == "enc":
        return bars + _encounter(await site.desk.encounter(EncounterId(which)), draw, is_first=is_first, known=known)
    if place == "unbound":
        rows = [row for row in await site.desk.unbound() if row.recording.status is RecordingStatus.UNBOUND]
        return bars + [Leaf(f"unbound-{row.recording.id}", "unbound", draw("unbound_row", row, False)) for row in rows]
    if place == "sync":
        view = await site.sync()
        return bars + (
            [_leaf("lanes", draw("lanes", view)), _leaf("link", draw("link", view, site.now))] if view else []
        )
    if place == "rec":
        one = await site.desk.recording(RecordId(which))
        return [*bars, _leaf(f"rec-{which}-tags", draw("reading_tags", one))]
    return bars


async def _today(site: Site, draw: Draw) -> list[Leaf]:
    view = await site.desk.today()
    leaves = [_leaf("stop-changes", draw("stop_changes", await site.desk.stops.day()))]
    if view.stop:
        leaves += [_leaf("stop-state", draw("stop_state", view.stop)), _leaf("check-in", draw("check_in", view.stop))]
    leaves.append(_leaf("instruments", draw("instruments", await site.desk.instruments())))
    for row in view.queue:
        one = row.encounter.id
        leaves += [
            Leaf(f"row-{one}", "queue", draw("queue_row", row, site.today)),
            _leaf(f"q-{one}-state", draw("queue_state", row)),
            _leaf(f"q-{one}-count", draw("queue_count", row)),
        ]
    return leaves


def _encounter(view: EncounterView, draw: Draw, *, is_first: bool, known: set[str]) -> list[Leaf]:
    leaves = [_leaf("enc-state", draw("encounter_state", view.encounter))]
    for device in view.devices:
        leaves += [
            _leaf(f"dev-{device.device}-state", draw("device_state", device, view.encounter)),
            _leaf(f"dev-{device.device}-act", draw("device_act", device, view.encounter)),
        ]
    here = {str(one.recording.id) for one in view.recordings}
    for one in view.recordings:
        key = f"rec-{one.recording.id}"
        if not is_first and key not in known:
            leaves.append(Leaf(f"{key}-say", "say", draw("arrived", one, view.patient)))
        leaves += [
            Leaf(key, "reading", draw("reading", one, view.patient)),
            _leaf(f"{key}-tags", draw("reading_tags", one)),
            _leaf(f"{key}-act", draw("reading_act", one, view.patient.name)),
        ]
    return leaves + _gone(known, here, draw)


def _gone(known: set[str], here: set[str], draw: Draw) -> list[Leaf]:
    """Recordings this tab shows that are no longer this person's: their place says so and shows nothing of them."""
    ids = {
        key.removeprefix("rec-").removesuffix("-tags")
        for key in known
        if key.startswith("rec-") and key.endswith("-tags")
    }
    return [_leaf(f"rec-{one}-all", draw("reading_gone")) for one in sorted(ids - here)]
