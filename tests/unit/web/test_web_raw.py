"""Raw bytes leave piece by piece: a study of hundreds of megabytes is never whole in the agent's memory."""

import secrets
from collections.abc import Iterator

import pytest

from clinic_records.errors import NotFound, RefusedInput
from tests.unit.web.web_bench import PIN, Bench, Served, logged_in


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(Bench(tmp_path_factory.mktemp("vehicle"))) as one:
        one.run(one.bench.desk.login("n001", PIN))
        yield one


def test_the_download_is_the_devices_bytes(served: Served) -> None:
    raw = secrets.token_bytes(3_000_001)
    recording = served.run(served.bench.deliver("us-1", raw))
    with logged_in(served, follows=False) as nurse:
        answer = nurse.get(f"/rec/{recording.id}/raw")
    assert answer.headers["content-length"] == str(len(raw))
    assert answer.content == raw


def test_no_piece_is_large(served: Served) -> None:
    raw = secrets.token_bytes(2_000_000)
    recording = served.run(served.bench.deliver("us-1", raw))

    async def pieces() -> list[bytes]:
        blob = await served.bench.desk.raw(recording.reading.raw.sha256)
        assert blob.size == len(raw)
        return [piece async for piece in blob.pieces]

    found = served.run(pieces())
    assert b"".join(found) == raw
    assert max(map(len, found)) <= 256 * 1024


def test_what_is_not_here_is_said_before_the_first_byte(served: Served) -> None:
    with pytest.raises(NotFound):
        served.run(served.bench.desk.raw("0" * 64))
    with pytest.raises(RefusedInput):
        served.run(served.bench.desk.raw("../etc/passwd"))
