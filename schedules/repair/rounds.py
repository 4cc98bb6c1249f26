"""Lost rounds made up whole: as many as can be on free vehicle-days."""

from collections import defaultdict, deque
from collections.abc import Collection, Iterator
from datetime import date

from clinic_records.schedule import Visit
from schedules.repair.work import Want, Work


def _rounds(wants: list[Want]) -> Iterator[list[Want]]:
    """Lost visits of one vehicle and one day together, the largest rounds first."""
    groups: defaultdict[tuple[date, str], list[Want]] = defaultdict(list)
    for want in wants:
        groups[want.lost.visit.date, want.lost.visit.vehicle_id].append(want)
    yield from sorted(groups.values(), key=lambda group: (-len(group), group[0].lost.visit.date))


_VehicleDay = tuple[date, str]


def whole_days(work: Work, wants: list[Want], vehicles: Collection[str]) -> None:
    """As many lost rounds as can be on free vehicle-days of their month: a matching by augmenting paths.

    Rounds come largest first; one that has a place never loses it to a smaller one, so as far as rounds do not hinder
    one another the number of visits made up is the greatest possible (matchings are a transversal matroid).
    """
    rounds = list(_rounds([want for want in wants if want.lost.visit.visit_id not in work.placed]))
    options: list[dict[_VehicleDay, list[Visit]]] = []
    for group in rounds:
        found = {
            (day, vehicle): made
            for day in work.days.working_days(group[0].first, group[0].last)
            for vehicle in vehicles
            if (made := work.whole(group, day, vehicle)) is not None
        }

        def strange(item: tuple[_VehicleDay, list[Visit]], group: list[Want] = group) -> tuple[object, ...]:
            pairs = zip(group, item[1], strict=True)
            return max(work.strangeness(want, made) for want, made in pairs), item[0]

        options.append(dict(sorted(found.items(), key=strange)))
    for number, key in sorted(_matched(options).items()):
        made = options[number][key]
        if not any(work.days.refusal(one) for one in made):
            for one in made:
                work.keep(one)


def _matched(options: list[dict[_VehicleDay, list[Visit]]]) -> dict[int, _VehicleDay]:
    """Round -> its vehicle-day: each takes its first free one, or the shortest way of others stepping aside."""
    held: dict[int, _VehicleDay] = {}
    taken: dict[_VehicleDay, int] = {}
    for number in range(len(options)):
        asked: dict[_VehicleDay, int] = {}
        waiting = deque([number])
        while waiting:
            one = waiting.popleft()
            new = [key for key in options[one] if key not in asked]
            asked.update(dict.fromkeys(new, one))
            free: _VehicleDay | None = next((key for key in new if key not in taken), None)
            if free is None:
                waiting.extend(taken[key] for key in new)
                continue
            while free is not None:
                owner = asked[free]
                before = held.get(owner)
                held[owner], taken[free] = free, owner
                free = before
            break
    return held
