"""The life of one record in plain words, at every point of its way."""

import msgspec

from clinic_records.record import Lane
from sync.ports import Verdict
from tests.unit.store.conftest import Box
from vehicle_agent.explain import REASONS, Journey, explain, in_words


def lives(box: Box, thing: str) -> list[Journey]:
    return box.store.read(lambda conn: explain(conn, box.spool.up, thing))


def told(box: Box, thing: str, lang: str = "zh") -> str:
    return in_words(lives(box, thing), lang)


def test_a_life_from_making_to_the_receipt(box: Box) -> None:
    record = box.put("enc-1")
    (life,) = lives(box, "enc-1")
    assert (life.state, life.author, life.sealed_at) == ("queued", record.author, None)
    assert "还没有封装" in told(box, "enc-1")

    sealer = box.sealer()
    sealer.reconcile()
    (life,) = lives(box, "enc-1")
    assert life.state == "spooled"
    assert life.sealed_at == box.clock.now()
    assert "还没有开始发" in told(box, "enc-1")

    for _ in range(2):
        box.spool.up.read(life.wire_sha256, 0, life.wire_size)
    box.spool.up.read(life.wire_sha256, 10, 5)
    assert lives(box, "enc-1")[0].sends == 2
    assert "医院还没有签收" in told(box, "enc-1")

    box.spool.up.settle(box.hospital.receipt(life.wire_sha256))
    sealer.merge_receipts()
    (life,) = lives(box, life.wire_sha256)
    assert life.receipt is not None
    assert (life.state, life.receipt.verdict, life.sends) == ("received", Verdict.APPLIED, 2)
    words = told(box, "enc-1", "en")
    for part in ("made by 张护士, revision 1", "number 1/1, lane P2", "begun 2 times", "received by the hospital"):
        assert part in words
    box.restart()
    assert lives(box, "enc-1")[0].sends == 2


def test_what_is_held_or_refused_says_why_and_what_to_do(box: Box) -> None:
    sealer = box.sealer()
    for name, verdict, reason, said in (
        ("a", Verdict.HELD, "revoked", "停用"),
        ("b", Verdict.REFUSED, "origin-unknown", "重新登记"),
        ("c", Verdict.REFUSED, "of a later program", "维护人员"),
        ("d", Verdict.DUPLICATE, "", "早有这一份"),
    ):
        box.put(name)
        sealer.reconcile()
        wire = lives(box, name)[0].wire_sha256
        receipt = box.hospital.receipt(wire, verdict)
        box.spool.up.settle(msgspec.structs.replace(receipt, reason=reason))
        sealer.merge_receipts()
        words = told(box, name)
        assert said in words
        assert reason in words
    assert all(zh != en for zh, en in REASONS.values())


def test_every_version_is_told_and_nothing_of_a_stranger(box: Box) -> None:
    box.put("enc-1")
    box.put("enc-1", expected=1, payload=b'{"status":"finished"}', lane=Lane.P1)
    assert [(life.revision, life.lane) for life in lives(box, "enc-1")] == [(1, "p2"), (2, "p1")]
    assert lives(box, "enc-2") == []
