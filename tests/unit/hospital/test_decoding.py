"""What is coded is rebuilt in a limited child: whole, or refused so that it comes plain, or held until an upgrade."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from clinic_records.errors import BadFrame, RefusedInput
from cloud_hospital.intake import decode_child, decoding
from cloud_hospital.intake.decoding import decode_in_child
from cloud_hospital.intake.opening import blob_path
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import quarantine
from sync.coding.choose import Coded, Terms, code
from sync.coding.dictionaries import IDS
from sync.coding.image.blocks import GROUP, Method, block_bytes, deflate, shape_bytes
from sync.coding.image.layout import Shape
from sync.coding.table import CODECS
from sync.envelope import Codec
from sync.ports import Receipt, Verdict
from tests.unit.hospital.conftest import Clinic, a_visit, deliver
from tests.unit.sync.coding_files import Pixels, dicom, speckle

LOOP = dicom(Pixels(120, 160, frames=12), speckle(np.random.default_rng(1), 12, 120, 160).tobytes())
CODED = code(LOOP, Terms(CODECS, IDS))


def as_coded(codec: str, data: bytes, payload: bytes = LOOP) -> Coded:
    sha256 = hashlib.sha256(payload).hexdigest()
    return Coded(codec, sha256, len(payload), len(data), lambda: iter((data,)))  # type: ignore[arg-type]


def send(clinic: Clinic, coded: Coded, payload: bytes, patch: pytest.MonkeyPatch) -> Receipt:
    with patch.context() as context:
        context.setattr("sync.seal.code", lambda _source, _terms: coded)
        sealed = clinic.box.blob(payload, clinic.recipient)
    return deliver(clinic.hospital, clinic.box.vehicle, sealed)


def blob_of(clinic: Clinic, payload: bytes) -> Path:
    return blob_path(clinic.hospital.folder.blobs, hashlib.sha256(payload).hexdigest())


def leftovers(clinic: Clinic) -> list[Path]:
    return list(clinic.hospital.folder.blobs.glob(".*"))


def test_a_loop_is_rebuilt_byte_for_byte(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    assert CODED.codec is Codec.IMAGE
    assert send(clinic, CODED, LOOP, monkeypatch).verdict is Verdict.APPLIED
    assert blob_of(clinic, LOOP).read_bytes() == LOOP
    assert leftovers(clinic) == []


def test_curves_and_records_are_rebuilt_too(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    curve = b"".join((1000 + step % 97 * 5).to_bytes(2, "little") * 8 for step in range(3000))
    coded = code(curve, Terms(CODECS, IDS))
    assert coded.codec is Codec.SAMPLES
    assert send(clinic, coded, curve, monkeypatch).verdict is Verdict.APPLIED
    assert blob_of(clinic, curve).read_bytes() == curve
    record = a_visit().records(clinic.box)[1]
    packed = code(record.payload, Terms(CODECS, IDS))
    assert packed.codec is Codec.DICTIONARY
    with monkeypatch.context() as context:
        context.setattr("sync.seal.code", lambda _source, _terms: packed)
        assert clinic.send(record).verdict is Verdict.APPLIED


@pytest.mark.parametrize("codec", [Codec.IMAGE, Codec.SAMPLES, Codec.ZSTD, Codec.DICTIONARY])
def test_damage_before_the_seal_is_refused_so_that_it_comes_plain(
    clinic: Clinic, codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = b"".join(CODED.pieces())
    damaged = as_coded(codec, good[:200] + b"\xff\xff\xff" + good[203:])
    receipt = send(clinic, damaged, LOOP, monkeypatch)
    assert (receipt.verdict, receipt.reason) == (Verdict.REFUSED, "codec")
    assert not blob_of(clinic, LOOP).exists()
    assert leftovers(clinic) == []
    plain = code(LOOP, Terms((Codec.RAW,)))
    assert send(clinic, plain, LOOP, monkeypatch).verdict is Verdict.APPLIED
    assert blob_of(clinic, LOOP).read_bytes() == LOOP


def test_another_picture_than_declared_is_refused(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    other = dicom(Pixels(120, 160, frames=12), speckle(np.random.default_rng(2), 12, 120, 160).tobytes())
    swapped = as_coded(Codec.IMAGE, b"".join(code(other, Terms(CODECS)).pieces()))
    assert send(clinic, swapped, LOOP, monkeypatch).reason == "codec"


@pytest.mark.parametrize("codec", ["image-2", "samples-9", "brotli"])
def test_a_codec_of_a_later_version_is_held_for_an_upgrade(
    clinic: Clinic, codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = send(clinic, as_coded(codec, b"later"), LOOP, monkeypatch)
    assert (receipt.verdict, receipt.reason) == (Verdict.HELD, "not-taken")
    with reading(clinic.hospital.engine) as connection:
        assert connection.execute(select(quarantine)).one().reason == "not-taken"


def test_a_bomb_ends_in_its_child(tmp_path: Path) -> None:
    shape = shape_bytes(Shape(8, 8, 1, 8, "<", is_planar=False))
    coded, target = tmp_path / "coded", tmp_path / "target"
    coded.write_bytes(shape + block_bytes(Method.BYTES, deflate(bytes(GROUP))) * 400)
    with pytest.raises(BadFrame, match="longer than the 9 bytes"):
        decode_in_child(Codec.IMAGE, coded, target, 9)
    assert target.stat().st_size <= 9


def test_a_child_that_is_killed_or_never_ends_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "coded").write_bytes(b"".join(CODED.pieces()))

    def run(script: str) -> None:
        monkeypatch.setattr(decoding, "leashed", lambda _child: [sys.executable, "-c", script])
        decode_in_child(Codec.IMAGE, tmp_path / "coded", tmp_path / "target", len(LOOP))

    with pytest.raises(BadFrame, match="-9"):
        run("import os; os.kill(os.getpid(), 9)")
    with pytest.raises(BadFrame, match="no reason given"):
        run("import sys; sys.exit(1)")
    with pytest.raises(RefusedInput, match="dictionary 9") as held:
        run(f"import sys; sys.stderr.write('dictionary 9'); sys.exit({decode_child.TOO_NEW})")
    assert not isinstance(held.value, BadFrame)
    with pytest.raises(OSError, match="No space"):
        run(f"import sys; sys.stderr.write('No space'); sys.exit({decode_child.NO_DISK})")
    monkeypatch.setattr(decoding, "WAIT", 0)
    with pytest.raises(BadFrame, match="took longer"):
        run("import signal; signal.pause()")


def test_the_childs_limits_hold() -> None:
    script = (
        "import resource, sys; from cloud_hospital.intake import decode_child as c; from sync.coding import table;"
        "c._write = lambda *_: bytearray(c.MEMORY);"
        "sys.exit(c.main('image-1', 'x', 'y', '5'))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == decode_child.DAMAGED
    assert b"MemoryError" in done.stderr


def test_a_disk_that_is_full_is_no_fault_of_the_payload(tmp_path: Path) -> None:
    (tmp_path / "coded").write_bytes(b"".join(CODED.pieces()))
    with pytest.raises(OSError, match="No space left"):
        decode_in_child(Codec.IMAGE, tmp_path / "coded", Path("/dev/full"), len(LOOP))
