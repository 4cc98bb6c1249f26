"""A token that was withdrawn is refused at its next use: by the bureau's interface, and by the pages it had opened."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from clinic_records.errors import Conflict, NotFound, RefusedInput
from clinic_web.pages import HERE, VENDOR
from cloud_hospital.api.app import create_app
from cloud_hospital.hospital import init_hospital
from cloud_hospital.settings import HospitalSettings
from cloud_hospital.tokens import LIFE, Purpose, list_tokens, make_token, withdraw_token
from cloud_hospital.web.pages import add_pages
from commands.hospital import app
from tests.unit.hospital.asgi import Caller
from tests.unit.hospital.conftest import Clinic


def made(clinic: Clinic, holder: str = "县卫健局") -> tuple[str, str]:
    """A token and its id."""
    now = clinic.hospital.now()
    token = make_token(clinic.hospital.engine, Purpose.STATUTORY, now, holder=holder)
    (view,) = [each for each in list_tokens(clinic.hospital.engine, now) if each.holder == holder]
    return token, view.id


def withdraw(clinic: Clinic, which: str, why: str = "mailed to the wrong office") -> None:
    withdraw_token(clinic.hospital.engine, which, why, clinic.hospital.now())


@pytest.mark.parametrize("by_itself", [False, True], ids=["by its id", "by the token found"])
def test_it_is_refused_at_once_and_no_other_is(clinic: Clinic, *, by_itself: bool) -> None:
    client = Caller(create_app(clinic.hospital))
    token, token_id = made(clinic)
    other, _ = made(clinic, "市卫健委")

    def pull(bearer: str) -> int:
        return client.get("/api/v1/bureau/pull", headers={"Authorization": f"Bearer {bearer}"}).status_code

    assert (pull(token), pull(other)) == (200, 200)
    withdraw(clinic, token if by_itself else token_id)
    assert (pull(token), pull(other)) == (401, 200)
    first, second = list_tokens(clinic.hospital.engine, clinic.hospital.now())
    assert (first.state, first.why) == ("withdrawn", "mailed to the wrong office")
    assert (second.state, second.last_pull_at is None) == ("in force", False)
    later = clinic.hospital.now() + LIFE
    assert [each.state for each in list_tokens(clinic.hospital.engine, later)] == ["withdrawn", "ended"]


@pytest.mark.skipif(
    not all((HERE / "static" / name).is_file() for name in VENDOR), reason="browser libraries are not built here"
)
def test_the_pages_it_opened_close(clinic: Clinic) -> None:
    pages = create_app(clinic.hospital)
    add_pages(pages, clinic.hospital)
    client = Caller(pages)
    token, token_id = made(clinic)
    assert client.get("/enter", params={"token": token}).status_code == 303
    assert client.get("/").status_code == 200
    withdraw(clinic, token_id)
    assert client.get("/").status_code == 401
    assert client.get("/enter", params={"token": token}).status_code == 401


def test_it_needs_a_reason_and_is_withdrawn_once(clinic: Clinic) -> None:
    _, token_id = made(clinic)
    with pytest.raises(RefusedInput):
        withdraw(clinic, token_id, " ")
    with pytest.raises(NotFound, match="no token"):
        withdraw(clinic, "0" * 16)
    withdraw(clinic, token_id)
    with pytest.raises(Conflict, match="wrong office"):
        withdraw(clinic, token_id, "again")


def test_the_commands_never_show_a_token_twice(tmp_path: Path) -> None:
    folder, run = str(tmp_path / "H"), CliRunner().invoke
    init_hospital(tmp_path / "H", HospitalSettings(web_port=0, broker_port=0))
    token = run(app, ["token", folder, "--purpose", "analytic", "--for", "统计科"]).stdout.strip()
    assert token.startswith("a-")
    listed = run(app, ["token", "list", folder, "--json"]).stdout
    assert token not in listed
    (view,) = json.loads(listed)
    assert (view["holder"], view["purpose"], view["state"]) == ("统计科", "analytic", "in force")
    assert run(app, ["token", "withdraw", folder, "-", "--why", "left"], input=f"{token}\n").exit_code == 0
    assert "withdrawn: left" in run(app, ["token", "list", folder]).stdout
