"""PostgreSQL ends under the hospital's pages and programs: each says so in a line, and goes on when it is back."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import func, insert, select

from benchmarks.prefecture.database import Server
from clinic_records.errors import StoreError
from cloud_hospital.api.app import create_app
from cloud_hospital.hospital import Hospital
from cloud_hospital.processes.web import main as web_process
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.tables import alarms
from cloud_hospital.web.pages import add_pages
from tests.peer.test_postgresql import hospital
from tests.unit.hospital.asgi import Caller

pytestmark = pytest.mark.peer
__all__ = ["hospital"]  # a fixture


@contextmanager
def ended(server: Server) -> Iterator[None]:
    server.stop()
    try:
        yield
    finally:
        server.start_again()


def test_pages_and_interface_answer_503_until_the_database_is_back(server: Server, hospital: Hospital) -> None:
    app = create_app(hospital)
    add_pages(app, hospital)
    client, paths = Caller(app), ["/enter?token=x", "/metrics", "/api/v1/bureau/pull"]
    headers = {"Authorization": "Bearer x"}
    before = {path: client.get(path, headers=headers).status_code for path in paths}
    assert set(before.values()) == {401}
    with ended(server):
        for path in paths:
            answer = client.get(path, headers=headers)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5"), path
            assert answer.json()["error"].startswith("the database is gone")
            assert set(answer.json()["hint"]) == {"zh", "en"}
    assert {path: client.get(path, headers=headers).status_code for path in paths} == before


def test_the_web_process_without_its_database_says_so_and_what_to_do(
    server: Server, hospital: Hospital, capsys: pytest.CaptureFixture[str]
) -> None:
    with ended(server):
        assert web_process(hospital.folder.root) == StoreError.exit_code
    said = capsys.readouterr().err
    assert said.startswith("web: the database is gone: ")
    assert said.count("\n") == 1


def test_a_reading_sees_one_moment_whatever_is_committed_meanwhile(hospital: Hospital) -> None:
    count = select(func.count()).select_from(alarms)
    with reading(hospital.engine) as connection:
        before = connection.execute(count).scalar_one()
        with writing(hospital.engine) as other:
            other.execute(insert(alarms).values(at=0, vehicle="V01", code="test", detail=""))
        assert connection.execute(count).scalar_one() == before
    with reading(hospital.engine) as connection:
        assert connection.execute(count).scalar_one() == before + 1
    with writing(hospital.engine) as connection:  # the next one on that connection is as ever
        assert connection.get_isolation_level() == "READ COMMITTED"
