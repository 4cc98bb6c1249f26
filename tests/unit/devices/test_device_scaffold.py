"""A newcomer's path: what `clinic device scaffold` writes passes the checks and its tests at once."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from clinic_records.errors import ConfigError, RefusedInput
from clinic_records.observations import BY_KEY
from commands.device import app
from commands.device_scaffold import scaffold
from devices.catalog import Category

ROOT = Path(__file__).parents[3]
COPIED = ("clinic_records", "recordings", "devices", "docs/devices", "pyproject.toml", "tests/conftest.py")
COPIED_TESTS = ("conftest.py", "test_catalog.py")
WEIGHT = BY_KEY["loinc:29463-7"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """As much of the source code as a device touches."""
    leave = shutil.ignore_patterns("__pycache__")
    for name in (*COPIED, *(f"tests/unit/devices/{name}" for name in COPIED_TESTS)):
        source, target = ROOT / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=leave)
        else:
            shutil.copy(source, target)
    return tmp_path


def run(checkout: Path, *words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


@pytest.mark.parametrize(
    ("key", "category", "modality", "code"),
    [
        ("body-scale-acme", Category.IDENTITY_ANTHROPOMETRY, "body", "loinc:29463-7"),
        ("fever9", Category.LABORATORY, "temperature", "loinc:8310-5"),
    ],
)
def test_the_skeleton_passes_at_once(checkout: Path, key: str, category: Category, modality: str, code: str) -> None:
    number = 23 if modality == "body" else 7
    written = scaffold(key, number, category, modality, BY_KEY[code], checkout)
    python = [str(path) for path in written if path.suffix == ".py"]
    run(checkout, "ruff", "check", "--no-cache", *python)
    run(checkout, "ruff", "format", "--no-cache", "--check", *python)
    tests = [f"tests/unit/devices/test_{key.replace('-', '_')}.py", "tests/unit/devices/test_catalog.py"]
    run(checkout, "pytest", "-q", "-n0", "-p", "no:cacheprovider", *tests, "-k", f"{key} or {key.replace('-', '_')}")


def test_the_command_says_what_it_wrote(checkout: Path) -> None:
    done = CliRunner().invoke(app, ["scaffold", "pulse-meter", "--root", str(checkout)])
    assert done.exit_code == 0, done.output
    for line in done.output.split():
        assert (checkout / line).is_file()
    assert "pulse-meter" in (checkout / "devices" / "catalog.toml").read_text("utf-8")


def test_where_no_category_is_said_it_is_that_of_the_type(checkout: Path) -> None:
    said = ["--type", "7", "--modality", "temperature", "--observation", "loinc:8310-5", "--root", str(checkout)]
    done = CliRunner().invoke(app, ["scaffold", "thermometer-acme", *said])
    assert done.exit_code == 0, done.output
    assert "devices/cardiac/thermometer_acme.py" in done.output
    again = CliRunner().invoke(app, ["scaffold", "thermometer-acme", *said])
    assert isinstance(again.exception, RefusedInput)
    assert again.exception.hint.en == "Nothing was written. Correct it, then try again."


@pytest.mark.parametrize("name", ["Body", "body_scale", "-x", "x-", "ecg-scp", "../x", ""])
def test_a_name_that_will_not_do_writes_nothing(checkout: Path, name: str) -> None:
    before = sorted(checkout.rglob("*"))
    with pytest.raises(RefusedInput):
        scaffold(name, 23, Category.IDENTITY_ANTHROPOMETRY, "body", WEIGHT, checkout)
    assert sorted(checkout.rglob("*")) == before


def test_twice_is_refused_and_elsewhere_too(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    scaffold("acme", 23, Category.IDENTITY_ANTHROPOMETRY, "body", WEIGHT, checkout)
    catalog = (checkout / "devices" / "catalog.toml").read_bytes()
    with pytest.raises(RefusedInput, match="already there"):
        scaffold("acme", 23, Category.IDENTITY_ANTHROPOMETRY, "body", WEIGHT, checkout)
    assert (checkout / "devices" / "catalog.toml").read_bytes() == catalog
    with pytest.raises(ConfigError, match="no source checkout"):
        scaffold("acme", 23, Category.IDENTITY_ANTHROPOMETRY, "body", WEIGHT, tmp_path_factory.mktemp("empty"))
    (checkout / "devices" / "registry.py").write_text("", "utf-8")
    with pytest.raises(ConfigError, match="by hand"):
        scaffold("other", 23, Category.IDENTITY_ANTHROPOMETRY, "body", WEIGHT, checkout)
