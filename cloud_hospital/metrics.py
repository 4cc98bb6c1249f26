"""The hospital's account of itself for Prometheus: counts and ages, never a person (text exposition format 0.0.4)."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import Connection, func, select

from clinic_records.clock import from_ms
from clinic_web.gauges import text_of
from cloud_hospital.alarms import standing
from cloud_hospital.hospital import Hospital
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import arrivals, downlink, feed_pending, quarantine, transfers, vehicles


def exposition(hospital: Hospital) -> bytes:
    """All gauges of one hospital."""
    now = hospital.now()
    with reading(hospital.engine) as connection:
        families = [*_vehicles(connection, now), *_waiting(connection, now)]
    alarms = GaugeMetricFamily("clinic_alarm", "Alarms that stand, by code and vehicle", labels=["code", "vehicle"])
    for (code, vehicle), count in sorted(Counter((each.code, each.vehicle) for each in standing(hospital)).items()):
        alarms.add_metric([code, vehicle], count)
    return text_of([*families, alarms])


def _vehicles(connection: Connection, now: datetime) -> Iterator[GaugeMetricFamily]:
    contact = GaugeMetricFamily(
        "clinic_vehicle_contact_age_seconds", "Since a vehicle was last heard", labels=["vehicle"]
    )
    for row in connection.execute(select(vehicles.c.id, vehicles.c.last_contact).order_by(vehicles.c.id)):
        if row.last_contact is not None:
            contact.add_metric([row.id], _age_s(row.last_contact, now))
    yield contact
    arrived = GaugeMetricFamily(
        "clinic_arrivals", "Numbers that have come, by vehicle and verdict", labels=["vehicle", "verdict"]
    )
    query = select(arrivals.c.vehicle, arrivals.c.verdict, func.count()).group_by(
        arrivals.c.vehicle, arrivals.c.verdict
    )
    for vehicle, verdict, count in connection.execute(query.order_by(arrivals.c.vehicle, arrivals.c.verdict)):
        arrived.add_metric([vehicle, verdict], count)
    yield arrived


def _waiting(connection: Connection, now: datetime) -> Iterator[GaugeMetricFamily]:
    down = GaugeMetricFamily(
        "clinic_down_items", "Envelopes for vehicles without a receipt, by lane", labels=["vehicle", "lane"]
    )
    oldest = GaugeMetricFamily(
        "clinic_down_oldest_seconds", "Age of the oldest of them", labels=["vehicle", "lane"]
    )  # fmt: skip
    query = (
        select(downlink.c.vehicle, downlink.c.lane, func.count(), func.min(downlink.c.queued_at))
        .where(downlink.c.verdict.is_(None))
        .group_by(downlink.c.vehicle, downlink.c.lane)
        .order_by(downlink.c.vehicle, downlink.c.lane)
    )
    for vehicle, lane, count, queued in connection.execute(query):
        down.add_metric([vehicle, lane], count)
        oldest.add_metric([vehicle, lane], _age_s(queued, now))
    yield down
    yield oldest
    for name, text, query_of in (
        ("clinic_transfers", "Files on their way in", select(func.count()).select_from(transfers)),
        ("clinic_feed_pending", "Entries without a feed number", select(func.count()).select_from(feed_pending)),
        (
            "clinic_down_cleared_items",
            "Delivered envelopes whose bytes were cleared away",
            select(func.count()).select_from(downlink).where(downlink.c.cleared),
        ),
        (
            "clinic_set_aside_items",
            "Envelopes that wait for a person",
            select(func.count()).select_from(quarantine).where(quarantine.c.done_at.is_(None)),
        ),
    ):
        yield GaugeMetricFamily(name, text, value=connection.execute(query_of).scalar_one())


def _age_s(then_ms: int, now: datetime) -> float:
    return max(0.0, (now - from_ms(then_ms)).total_seconds())
