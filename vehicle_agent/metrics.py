"""The agent's account of itself for Prometheus: counts and ages, never a person (text exposition format 0.0.4)."""

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import GaugeMetricFamily

from clinic_web.gauges import text_of
from vehicle_agent.status import AgentStatus

STATES: Final = ("queued", "sending", "received", "seen", "held", "refused")


def exposition(status: AgentStatus) -> bytes:
    """All gauges of one vehicle; what is not known while the store is locked is left out."""
    items = GaugeMetricFamily(
        "clinic_sync_items", "Things on their way to the hospital, by lane and state", labels=["lane", "state"]
    )
    oldest = GaugeMetricFamily(
        "clinic_sync_oldest_seconds", "Age of the oldest thing without a receipt, by lane", labels=["lane"]
    )
    for lane, counts in status.sync.lanes.items():
        for state in STATES:
            items.add_metric([lane, state], getattr(counts, state))
        oldest.add_metric([lane], counts.oldest_s)
    alarms = GaugeMetricFamily("clinic_alarm", "1 for each alarm that stands, by its code", labels=["code"])
    for code in sorted({each.code for each in status.sync.alarms}):
        alarms.add_metric([code], 1)
    carried = GaugeMetricFamily(
        "clinic_sync_carried_items", "Other vehicles' envelopes brought by stick that wait", labels=["vehicle"]
    )
    for vehicle, (waiting, _) in status.carried.items():
        carried.add_metric([vehicle], waiting)
    return text_of([items, oldest, alarms, carried, *_plain(status)])


def _plain(status: AgentStatus) -> Iterator[GaugeMetricFamily]:
    values = {
        "clinic_link_online": ("1 where a session with the hospital stands", status.sync.link == "online"),
        "clinic_sync_is_whole": ("1 where the counts speak of everything", status.sync.is_whole),
        "clinic_store_open": ("1 where somebody has logged in", status.is_open),
        "clinic_inbox_items": ("Device deliveries not yet in the store", status.inbox),
        "clinic_unbound_items": ("Readings that wait for a person", status.unbound),
        "clinic_quarantine_items": ("Deliveries that could not be understood", status.quarantine),
        "clinic_disk_free_bytes": ("Free bytes of the vehicle's disk", status.disk.free),
        "clinic_disk_total_bytes": ("Bytes of the vehicle's disk", status.disk.total),
        "clinic_keep_days": ("Days that what the hospital received stays on the vehicle", status.keep_days),
        "clinic_cleared_envelopes": ("Envelopes cleared away since the agent began", status.cleared.envelopes),
        "clinic_cleared_raw_bytes": ("Raw bytes cleared away since the agent began", status.cleared.raw.bytes),
        "clinic_agent_resident_bytes": ("Resident memory of the agent's own process", status.resident_bytes),
    }
    for name, (text, value) in values.items():
        if value is not None:
            yield GaugeMetricFamily(name, text, value=float(value))
