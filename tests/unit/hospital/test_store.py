"""The store itself: schema, durability settings, epoch log, settings, tokens of time."""

import os
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from clinic_records.errors import ConfigError
from cloud_hospital.epoch import EpochLog
from cloud_hospital.folder import HospitalFolder
from cloud_hospital.hospital import Hospital, init_hospital, open_hospital
from cloud_hospital.keys import HospitalKeys
from cloud_hospital.settings import HospitalSettings, folder_of
from cloud_hospital.store.engine import open_engine, reading, writing
from cloud_hospital.store.migrate import config, migrate
from cloud_hospital.store.tables import metadata
from sync.durable import append_line, write_file, write_part


def test_new_is_what_migrated_is(hospital: Hospital) -> None:
    with reading(hospital.engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_migrating_again_changes_nothing(hospital: Hospital) -> None:
    migrate(hospital.engine)
    with reading(hospital.engine) as connection:
        here = MigrationContext.configure(connection).get_current_revision()
    assert here == ScriptDirectory.from_config(config()).get_current_head()


def test_a_database_of_the_future_is_refused(hospital: Hospital) -> None:
    with writing(hospital.engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigError, match="newer than this program"), open_hospital(hospital.folder.root):
        pass


def test_commits_are_on_disk(hospital: Hospital) -> None:
    with reading(hospital.engine) as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2


def test_another_database_is_refused() -> None:
    with pytest.raises(ConfigError, match="mysql"):
        open_engine("mysql://somewhere/clinic")


def test_a_failed_transaction_leaves_nothing(hospital: Hospital) -> None:
    def fail() -> None:
        with writing(hospital.engine) as connection:
            connection.exec_driver_sql("INSERT INTO feed_pending (entry) VALUES (1)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with reading(hospital.engine) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM feed_pending").scalar_one() == 0


def test_the_epoch_log_only_grows(tmp_path: Path, hospital: Hospital) -> None:
    log = EpochLog(tmp_path / "epoch.log")
    with pytest.raises(ConfigError, match="no epoch"):
        log.current()
    first = log.begin(hospital.now(), "init")
    log.revoke("V07", hospital.now(), "stolen")
    second = log.begin(hospital.now(), "restored")
    assert (log.current(), log.revoked()) == (second, frozenset({"V07"}))
    assert first != second
    assert len((tmp_path / "epoch.log").read_bytes().splitlines()) == 3
    append_line(tmp_path / "epoch.log", b"{}")
    with pytest.raises(ConfigError, match="restore this file"):
        log.current()


def test_a_hospital_is_never_made_over_another(hospital: Hospital) -> None:
    with pytest.raises(ConfigError, match="already"):
        init_hospital(hospital.folder.root, HospitalSettings())


def test_a_folder_without_a_hospital_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="clinic hospital init"):
        folder_of(tmp_path)


def test_keys_others_can_read_are_refused(hospital: Hospital) -> None:
    (hospital.folder.keys / "hospital.key").chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        HospitalKeys.load(hospital.folder)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('web_prot = 8080\nid = "H01"', "web_prot"),
        ("web_port = 70000", "web_port"),
        ('id = "h 1"', "id"),
        ("id = ", "hospital.toml"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, named: str) -> None:
    folder = HospitalFolder(tmp_path)
    folder.settings.write_text(text)
    with pytest.raises(ConfigError, match=named):
        HospitalSettings.load(folder)


def test_settings_come_back_as_saved(tmp_path: Path) -> None:
    folder = HospitalFolder(tmp_path)
    said = HospitalSettings(name='第一 "云" 医院 \\', web_port=0, database_url="postgresql+psycopg://c@/x?host=/run")
    said.save(folder)
    assert HospitalSettings.load(folder) == said


def test_the_example_settings_are_valid(tmp_path: Path) -> None:
    folder = HospitalFolder(tmp_path)
    example = Path(__file__).parents[3] / "config" / "hospital.example.toml"
    write_file(folder.settings, example.read_bytes())
    assert HospitalSettings.load(folder) == HospitalSettings()


def test_a_part_is_written_whole_although_the_disk_takes_little_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = os.pwrite
    monkeypatch.setattr("sync.durable.os.pwrite", lambda handle, data, offset: full(handle, data[:7], offset))
    write_part(tmp_path / "w", 3, bytes(range(50)))
    assert (tmp_path / "w").read_bytes() == bytes(3) + bytes(range(50))
