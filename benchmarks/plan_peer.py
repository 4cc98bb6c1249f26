"""PyVRP on one week, in its own environment: python plan_peer.py INSTANCE.json SEED SECONDS prints its minutes."""

import json
import sys
from importlib import import_module
from pathlib import Path


def main() -> None:
    """Vehicle-days are vehicle types, weekdays profiles: a closed point has no way to it on that day.

    Visits may start at any minute here; ours start at every fifth.
    """
    pyvrp, stop = import_module("pyvrp"), import_module("pyvrp.stop")
    week = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    model = pyvrp.Model()
    places = [model.add_location(0, 0) for _ in range(len(week["stops"]) + 1)]
    depot = model.add_depot(places[0])
    for place, (minutes, opens, closes) in zip(places[1:], week["stops"], strict=True):
        model.add_client(place, service_duration=minutes, tw_early=opens, tw_late=closes - minutes)
    for day in week["days"]:
        profile = model.add_profile()
        model.add_vehicle_type(
            day["vehicles"],
            start_depot=depot,
            end_depot=depot,
            tw_early=week["leaves"],
            shift_duration=week["limit"],
            profile=profile,
        )
        for one, ways in enumerate(week["minutes"]):
            for two, way in enumerate(ways):
                if one != two and {one, two}.isdisjoint(day["closed"]):
                    model.add_edge(places[one], places[two], distance=way, duration=way, profile=profile)
    found = model.solve(stop.MaxRuntime(float(sys.argv[3])), seed=int(sys.argv[2]), display=False)
    is_good = found.is_feasible()
    sys.stdout.write(f"{found.best.distance() if is_good else -1} {found.best.num_routes() if is_good else 0}\n")


if __name__ == "__main__":
    main()
