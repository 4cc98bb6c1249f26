"""The agent's gauges, read back by the reference parser of the text format."""

from datetime import UTC, datetime

from prometheus_client.parser import text_string_to_metric_families

from vehicle_agent.metrics import exposition
from vehicle_agent.status import AgentStatus, total_of
from vehicle_agent.store.raw_retention import Cleared, ClearedRaw
from vehicle_agent.store.retention import DiskLevel, DiskView
from vehicle_agent.visits.views import AlarmView, LaneCounts, SyncView

LANES = {"p0": LaneCounts(received=2, seen=1), "p3": LaneCounts(queued=5, held=1, refused=2, oldest_s=90.5)}


def status(*, is_open: bool) -> AgentStatus:
    alarms = [AlarmView("overdue", "", ""), AlarmView("refused", "", ""), AlarmView("refused", "", "")]
    view = SyncView("online", datetime(2026, 11, 23, tzinfo=UTC), LANES, total_of(LANES), alarms=alarms)
    return AgentStatus(
        vehicle="V01",
        hospital="H",
        pid=1,
        is_open=is_open,
        web_url="",
        dicom_port=0,
        listener_pid=0,
        child_pids=[],
        resident_bytes=100,
        sync=view,
        inbox=3,
        unbound=4 if is_open else None,
        quarantine=0 if is_open else None,
        schedule_version=None,
        waits=7,
        disk=DiskView(5, 10, DiskLevel.LOW),
        keep_days=30,
        cleared=Cleared(3, ClearedRaw(1, 77)),
        carried={"V02": (6, 1)},
        urgent=None,
        devices=[],
    )


def gauges(*, is_open: bool = True) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(exposition(status(is_open=is_open)).decode())
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def test_counts_ages_and_alarms_are_told() -> None:
    found = gauges()
    assert found["clinic_sync_items", "p3", "queued"] == 5
    assert found["clinic_sync_items", "p0", "seen"] == 1
    assert found["clinic_sync_oldest_seconds", "p3"] == 90.5
    assert [found["clinic_alarm", code] for code in ("overdue", "refused")] == [1, 1]
    assert found["clinic_sync_carried_items", "V02"] == 6
    assert (found["clinic_keep_days",], found["clinic_cleared_raw_bytes",]) == (30, 77)
    assert (found["clinic_link_online",], found["clinic_disk_free_bytes",]) == (1, 5)


def test_what_a_locked_vehicle_cannot_know_is_left_out() -> None:
    assert ("clinic_unbound_items",) in gauges()
    assert ("clinic_unbound_items",) not in gauges(is_open=False)
