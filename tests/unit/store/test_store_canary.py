"""A stolen box that nobody has logged in to shows no patient: not in any file, not in any encoding."""

from datetime import date
from pathlib import Path

from clinic_records.clock import Origin
from clinic_records.ids import PatientId, RecordId
from clinic_records.people import Patient, Role, Sex
from clinic_records.record import Kind, Lane, Record
from sync.seal import seal
from tests.unit.store.conftest import NOW, Box
from vehicle_agent.store.derive import inbox_private
from vehicle_agent.store.durable import write_file
from vehicle_agent.store.pinning import pin_hospital
from vehicle_agent.store.quarantine import quarantine
from vehicle_agent.store.settings import put_setting
from vehicle_agent.store.slots import Slots
from vehicle_agent.store.vault import Vault

NAME, RESIDENT_ID, LATIN = "欧阳金丝雀", "110101196001011234", "OUYANG^CANARY"
ENCODINGS = ("utf-8", "gb18030", "utf-16-le", "utf-16-be")


def _secrets(box: Box) -> list[bytes]:
    words = [text.encode(encoding) for text in (NAME, RESIDENT_ID, LATIN) for encoding in ENCODINGS]
    escaped = NAME.encode("unicode-escape")
    return [*words, escaped, box.data_key, box.data_key.hex().encode()]


def _found(root: Path, words: list[bytes]) -> list[tuple[str, bytes]]:
    files = [path for path in root.rglob("*") if path.is_file()]
    return [(path.name, word) for path in files for word in words if word in path.read_bytes()]


def test_no_file_of_the_box_speaks_of_a_patient(box: Box) -> None:
    pin_hospital(box.folder.hospital, box.enrolment)
    write_file(box.folder.vault_public, inbox_private(box.data_key).public.raw)
    slots = Slots(box.folder.slots, box.keys.device_secret, box.clock.now)
    slots.create(box.data_key, box.hospital.private.public)
    slots.add("n001", "张护士", Role.NURSE, "1234", box.data_key)
    sealer = box.sealer()
    words = [NAME.encode(), RESIDENT_ID.encode(), LATIN.encode(), NAME.encode("gb18030")]
    raw = b"".join(word * 20_000 for word in words)

    vault = Vault(box.folder, vehicle="V01")
    vault.inbox.deliver(f'{{"name":"{NAME}"}}'.encode(), raw)
    blob, big = box.store.blobs.keep(raw[:60_000]), box.store.blobs.keep(raw)
    person = Patient(PatientId("p1"), NAME, Sex.FEMALE, date(1960, 1, 1), resident_id=RESIDENT_ID)
    box.put("p1", kind=Kind.PATIENT, payload=person)
    box.put("r1", kind=Kind.RECORDING, payload=f'{{"name":"{LATIN}"}}'.encode(), blobs=(blob.sha256, big.sha256))
    box.store.write(lambda conn: put_setting(conn, "arming/ecg-1", NAME.encode()))
    box.store.write(
        lambda conn: quarantine(conn, at=NOW, source="ecg-1", reason=NAME, blob=blob.sha256, meta=LATIN.encode())
    )
    for item in box.wires():
        box.spool.up.settle(box.hospital.receipt(item))
    sealer.merge_receipts()
    down = Record(RecordId("s1"), 1, Kind.SCHEDULE, Lane.P1, NAME.encode(), Origin("H1", 1, 1), None, NOW)
    wire = seal(down, keys=box.hospital.sign, recipient=box.keys.box.public, created_ms=0)
    assert wire.data is not None
    box.spool.down.write(wire.wire_sha256, wire.size, Lane.P1, 0, wire.data)
    box.spool.down.accept(wire.wire_sha256)

    assert _found(box.folder.root, _secrets(box)) == []
    box.close()
    assert _found(box.folder.root, _secrets(box)) == []
    box.store, box.spool = box.open_store(), box.open_spool()
    modes = {path.stat().st_mode & 0o077 for path in box.folder.keys.iterdir()}
    assert modes == {0}
    assert box.folder.root.stat().st_mode & 0o777 == 0o700


def test_the_search_itself_finds_a_canary(box: Box) -> None:
    (box.folder.run / "leak").write_bytes(b"..." + NAME.encode("gb18030"))
    assert [name for name, _ in _found(box.folder.root, _secrets(box))] == ["leak"]
