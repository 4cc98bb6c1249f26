"""A device's folder: half copies wait, links are not followed, nothing is named twice, nothing is changed."""

import os
from pathlib import Path

import pytest

from clinic_records.errors import BadFrame, DeviceUnavailable
from devices import drop_folder
from devices.drop_folder import DropFolder


def test_a_file_is_named_once_it_has_stopped_growing(tmp_path: Path) -> None:
    folder = DropFolder(tmp_path, {})
    file = tmp_path / "ECG_0" / "62.SCP"
    file.parent.mkdir()
    file.write_bytes(b"half")
    assert folder.look() == []
    file.write_bytes(b"half and whole")
    assert folder.look() == []
    assert folder.look() == ["ECG_0/62.SCP"]
    assert folder.read("ECG_0/62.SCP") == b"half and whole"
    folder.take("ECG_0/62.SCP")
    assert folder.look() == []
    assert file.read_bytes() == b"half and whole"


def test_what_was_taken_stays_taken_over_a_restart_until_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "a.gdt"
    file.write_bytes(b"one")
    first = DropFolder(tmp_path, {})
    first.look()
    first.look()
    first.take("a.gdt")
    assert not any("a.gdt" in key for key in first.taken)
    again = DropFolder(tmp_path, first.taken)
    assert (again.look(), again.look()) == ([], [])
    file.write_bytes(b"another result under the same name")
    assert (again.look(), again.look()) == ([], ["a.gdt"])


def test_links_empty_and_hidden_files_and_deep_folders_are_passed_over(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"keys")
    stick = tmp_path / "stick"
    stick.mkdir()
    (stick / "link").symlink_to(secret)
    (stick / "up").symlink_to(tmp_path)
    (stick / "empty").touch()
    (stick / ".hidden").write_bytes(b"x")
    os.mkfifo(stick / "pipe")
    deep = stick.joinpath(*"abcde")
    deep.mkdir(parents=True)
    (deep / "file").write_bytes(b"x")
    folder = DropFolder(stick, {})
    folder.look()
    assert folder.look() == []
    with pytest.raises(DeviceUnavailable):
        folder.read("link")


def test_too_large_too_many_or_gone_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drop_folder, "LARGEST", 10)
    monkeypatch.setattr(drop_folder, "MOST_FILES", 2)
    (tmp_path / "big").write_bytes(b"x" * 11)
    folder = DropFolder(tmp_path, {})
    with pytest.raises(BadFrame, match="more than 10 bytes") as refused:
        folder.read("big")
    assert refused.value.raw == b"x" * 11
    for name in "ab":
        (tmp_path / name).touch()
    with pytest.raises(DeviceUnavailable, match="more than 2 files"):
        folder.look()
    with pytest.raises(DeviceUnavailable, match="is not there"):
        DropFolder(tmp_path / "none", {}).look()


def test_oldest_first(tmp_path: Path) -> None:
    for name, at in (("b", 1), ("a", 3), ("c", 2)):
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (at, at))
    folder = DropFolder(tmp_path, {})
    folder.look()
    assert folder.look() == ["b", "c", "a"]
