"""Minutes between places as the table of ways tells them; a way that is not in it is not driven."""

from schedules.model import Plan


def way_minutes(plan: Plan, start: str, end: str) -> int | None:
    """Minutes from one point or depot to another, the way back where only that is listed, None where neither is."""
    if start == end:
        return 0
    known = plan.travel.get((start, end)) or plan.travel.get((end, start))
    return None if known is None else known.minutes
