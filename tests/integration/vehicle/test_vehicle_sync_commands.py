"""`clinic sync` beside a running agent: an ECG's whole life, the urgent one, what was set aside, a stick, gauges."""

import json
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from clinic_records.ids import sha256_hex
from commands import sync as sync_command
from commands import vehicle as vehicle_command
from devices.simulators.ecg_scp import scp_record
from sync.bundle import VolumeReader, volumes_in
from tests.integration.vehicle.test_vehicle_offline_day import WANG, hash_of, open_encounter, recordings
from tests.integration.vehicle.vehicle_world import STAFF, Clinic, wait_until

RUNNER = CliRunner()


def run(*words: object, code: int = 0) -> str:
    found = RUNNER.invoke(sync_command.app, [str(word) for word in words])
    assert found.exit_code == code, (found.output, found.exception)
    return found.stdout


def test_everything_about_the_way_up_is_told_while_there_is_no_network(clinic: Clinic, tmp_path: Path) -> None:
    vehicle = clinic.vehicle
    vehicle.start()
    vehicle.login()
    wang = open_encounter(vehicle, WANG)
    vehicle.act("arm", device="ecg1", encounter_id=wang["id"])
    clinic.ecg.send(scp_record())
    wait_until(lambda: len(recordings(vehicle, wang)) == 1)
    (ecg,) = recordings(vehicle, wang)
    vehicle.act("mark_urgent", recording_id=ecg["id"])
    (urgent,) = vehicle.do("urgent")
    assert (urgent["patient_name"], urgent["way"], urgent["needs_call"]) == ("王秀英", "queued", False)
    vehicle.act("phoned", recording=ecg["id"], note="接通")
    assert vehicle.do("urgent")[0]["phoned_by"] == "张护士"

    folder = vehicle.root
    wait_until(lambda: "封好" in run("explain", folder, hash_of(ecg)))
    words = run("explain", folder, ecg["id"])
    assert words.count("存进车上数据库") == 2, "the ECG as it came, and as it was marked"
    assert "医院还没有签收" in words
    lives = json.loads(run("explain", folder, ecg["id"], "--json"))
    assert [(life["revision"], life["lane"]) for life in lives] == [(1, "p3"), (2, "p0")]

    said = json.loads(run("status", folder, "--json"))
    assert said["lanes"]["p0"]["queued"] == 2, "the recording and its raw bytes"
    assert said["alarms"] == []
    assert "offered again" in run("resend", folder, "--since", "2026-01-01")

    written = json.loads(run("bundle", folder, tmp_path / "stick", "--json"))
    assert written["envelopes"] == said["waits"]
    readers = [VolumeReader(path) for path in volumes_in([tmp_path / "stick"])]
    lanes = [entry.lane for reader in readers for entry, _ in reader.entries()]  # type: ignore[union-attr]
    assert lanes[0] == "p0", "most urgent first"
    assert lanes == sorted(lanes)
    assert all(reader.is_whole for reader in readers)

    clinic.ecg.send(b"\x00" * 40)
    wait_until(lambda: json.loads(run("quarantine", "list", folder, "--json")))
    (aside,) = json.loads(run("quarantine", "list", folder, "--json"))
    assert aside["id"] in run("quarantine", "list", folder)
    run("quarantine", "raw", folder, aside["id"], "--out", tmp_path / "raw")
    assert sha256_hex((tmp_path / "raw").read_bytes()) == aside["raw_sha256"]
    run("quarantine", "retry", folder, aside["id"], "--staff", STAFF)
    run("quarantine", "close", folder, aside["id"], "--staff", STAFF, "--note", "线松了")
    wait_until(lambda: vehicle.do("status")["inbox"] == 0)

    text = httpx.get(vehicle.do("status")["web_url"].rstrip("/") + "/metrics").text
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["clinic_sync_items", "p0", "queued"] == 2
    assert found["clinic_link_online",] == 0
    doctor = json.loads(RUNNER.invoke(vehicle_command.app, ["doctor", str(folder), "--json"]).stdout)
    (audit,) = [each for each in doctor if each["what"] == "audit"]
    assert audit["is_well"]
    assert "entries, unbroken" in audit["detail"]
    assert vehicle.stop() == 0
