"""The rules of the house that no linter knows."""

import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = {
    "cli.py",
    "commands",
    "vehicle_agent",
    "cloud_hospital",
    "devices",
    "sync",
    "schedules",
    "decision_support",
    "clinic_web",
    "recordings",
    "clinic_records",
}


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [ROOT / line for line in listed.splitlines() if (ROOT / line).is_file()]


@pytest.fixture
def checkout() -> Path:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    return ROOT


def test_no_python_file_is_longer_than_500_lines(checkout: Path) -> None:
    long = {
        str(path.relative_to(checkout)): lines
        for path in tracked("*.py", "*.js", "*.css", "*.html")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 500
    }
    assert not long


def test_package_inits_hold_a_docstring_and_nothing_else(checkout: Path) -> None:
    wrong = []
    for path in tracked("*/__init__.py"):
        text = path.read_text(encoding="utf-8").strip()
        if path.relative_to(checkout).parts[0] in PACKAGES and not (
            text.startswith('"""') and text.endswith('"""') and text.count('"""') == 2
        ):
            wrong.append(str(path.relative_to(checkout)))
    assert not wrong


def test_locks_hold_hashes_and_no_addresses(checkout: Path) -> None:
    for path in tracked("requirements/*.txt"):
        assert "://" not in path.read_text(encoding="utf-8"), path
    for path in tracked("*package-lock.json"):
        assert '"resolved"' not in path.read_text(encoding="utf-8"), path
    assert (checkout / "requirements/run.txt").read_text(encoding="utf-8").count("--hash=sha256:") > 100


def test_the_wheel_installs_our_names_and_nothing_else(checkout: Path, tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=checkout,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        top = {name.split("/")[0] for name in archive.namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == PACKAGES


def test_no_other_installed_distribution_claims_our_names() -> None:
    claims = packages_distributions()
    ours = {name.removesuffix(".py") for name in PACKAGES}
    for name in ours:
        assert set(claims.get(name, [])) <= {"mobile-clinic"}, name
