"""What root makes in a folder of somebody else's belongs to that one: a command never shuts the service out."""

import os
from pathlib import Path

import pytest

from cloud_hospital.store.engine import open_engine, writing
from cloud_hospital.store.locks import exclusive
from sync.durable import append_line, locked, make_folder, write_file, write_part

SERVICE = 65534
"""`nobody` on Debian; any user but root would do."""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    os.chown(tmp_path, SERVICE, SERVICE)
    return tmp_path


def test_files_locks_and_folders_belong_to_the_folders_owner(folder: Path) -> None:
    write_file(folder / "settings", b"new")
    write_file(folder / "settings", b"newer")
    write_part(folder / "part", 0, b"bytes")
    append_line(folder / "log", b"line")
    make_folder(folder / "V01")
    write_file(folder / "V01" / "wire", b"sealed")
    engine = open_engine(f"sqlite:///{folder / 'hospital.db'}")
    with locked(folder / "users.lock"), exclusive(engine, "session V01", folder):
        pass
    with writing(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE t (n)")
    engine.dispose()
    made = {each for each in folder.rglob("*") if each.name != "hospital.db"}
    assert len(made) >= 9
    assert {each for each in made if (each.stat().st_uid, each.stat().st_gid) != (SERVICE, SERVICE)} == set()
    assert {each.stat().st_mode & 0o077 for each in made} == {0}


def test_no_file_is_given_away_that_was_not_made_here(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    roots = tmp_path_factory.mktemp("root")
    (roots / "secret").write_bytes(b"root's")
    (folder / "users.lock").symlink_to(roots / "secret")
    (folder / "log").symlink_to(roots / "not there yet")
    with locked(folder / "users.lock"):
        pass
    append_line(folder / "log", b"line")
    assert {each.stat().st_uid for each in roots.iterdir()} == {0}
