"""The short form of `make fuzz`, and that the harness finds what it looks for."""

import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.fuzz.mutate import LARGEST, mutated
from benchmarks.fuzz.run import run_range
from benchmarks.fuzz.targets import Target, healed_scp, targets
from benchmarks.fuzz.work import work
from clinic_records.errors import BadFrame, RefusedInput
from devices.simulators.ecg_scp import scp_record
from recordings.scp_ecg.decode import decode_scp

pytestmark = pytest.mark.acceptance

BUDGET_S = 15


@pytest.mark.timeout(400)
def test_no_parser_lets_anything_escape(campaign: Callable[..., list[dict[str, Any]]]) -> None:
    assert {line["target"] for line in campaign("fuzz", "--seconds", str(BUDGET_S))} == targets().keys()


def _found(feed: object) -> list[str]:
    target = Target(feed, lambda: (b"whole input",))  # type: ignore[arg-type]  # any callable
    return run_range("planted", target, target.corpus(), range(60)).findings


def test_an_escaped_exception_a_hang_and_swelling_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.fuzz.run.HANG_S", 0.05)
    held: list[bytearray] = []

    def escape(raw: bytes, seed: int) -> None:
        if seed == 7:
            raise KeyError(raw)

    def hang(_: bytes, seed: int) -> None:
        until = time.process_time() + 1.0
        while seed == 8 and time.process_time() < until:
            pass

    def swell(_: bytes, seed: int) -> None:
        if seed == 55:
            held.append(bytearray(b"x") * (200 << 20))

    assert [finding.split(":")[0] for finding in _found(escape)] == ["planted seed 7"]
    assert _found(hang) == ["planted seed 8: longer than 0.05 s"]
    assert "the process grew by" in _found(swell)[-1]


def test_a_process_that_ends_or_hangs_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpora = tmp_path / "corpora"
    corpora.write_bytes(pickle.dumps({"format:gdt": (b"x",)}))
    assert work(corpora, "no such parser", 5, 3, 1.0)["findings"] == ["no such parser seeds from 5: exit 1"]
    monkeypatch.setattr("benchmarks.fuzz.work.SLACK_S", -1.0)
    hung = work(corpora, "format:gdt", 5, 3, 1.0)
    assert hung["findings"] == ["format:gdt seeds from 5: no end after 0 s"]
    assert (hung["first"], hung["after"]) == (5, 8)


def test_our_own_refusals_are_no_finding() -> None:
    def refuse(_: bytes, seed: int) -> None:
        raise (BadFrame if seed % 2 else RefusedInput)("no")

    assert _found(refuse) == []


def test_a_seed_is_the_same_input_for_ever() -> None:
    corpus = (b"MSH|^~\\&|" * 40, bytes(range(256)))
    assert mutated("a", 5, corpus) == mutated("a", 5, corpus)
    assert len({mutated("a", seed, corpus) for seed in range(200)}) > 150
    assert max(len(mutated("a", seed, (bytes(LARGEST),))) for seed in range(20)) <= LARGEST


def test_healing_gets_past_the_checksums() -> None:
    record = bytearray(scp_record())
    record[len(record) // 2] ^= 0xFF
    with pytest.raises(BadFrame):
        decode_scp(bytes(record))
    assert decode_scp(healed_scp(bytes(record))).signals
