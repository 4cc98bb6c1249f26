"""Accounts of the hospital: who signs in, who sees what, and what is remembered of it."""

from datetime import datetime, timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select
from typer.testing import CliRunner

from clinic_records.clock import SystemClock
from clinic_records.errors import AccessError, Conflict, NotFound, RefusedInput
from clinic_records.people import Author, Role
from clinic_web.pages import HERE, VENDOR
from cloud_hospital import passwords
from cloud_hospital.api.app import create_app
from cloud_hospital.hospital import Hospital
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import user_acts
from cloud_hospital.users import (
    TRIES,
    WAIT,
    active_user,
    add_user,
    disable_user,
    enable_user,
    list_users,
    set_password,
    set_role,
    sign_in,
)
from cloud_hospital.web.pages import add_pages
from commands.app import app as command
from tests.unit.hospital.asgi import Caller

LI = Author("s001", "李医生", Role.SPECIALIST)
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _quick_argon2(monkeypatch: pytest.MonkeyPatch) -> None:
    """The product's own cost is a third of a second a try."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


def acts(hospital: Hospital) -> list[tuple[str, str, str]]:
    with reading(hospital.engine) as connection:
        rows = connection.execute(select(user_acts).order_by(user_acts.c.n)).all()
    return [(row.staff, row.by, row.act) for row in rows]


def test_a_password_opens_and_another_does_not(hospital: Hospital) -> None:
    add_user(hospital, LI, PASSWORD)
    assert sign_in(hospital, "s001", PASSWORD) == LI
    for staff, password in (("s001", "another password"), ("s001", ""), ("s002", PASSWORD)):
        with pytest.raises(AccessError, match="wrong, or the account is disabled"):
            sign_in(hospital, staff, password)
    assert acts(hospital) == [
        ("s001", "operator", "added"),
        ("s001", "s001", "signed-in"),
        ("s001", "s001", "refused"),
        ("s001", "s001", "refused"),
    ]
    assert PASSWORD.encode() not in hospital.folder.database.read_bytes()


def test_an_account_without_a_password_or_disabled_opens_nothing(hospital: Hospital) -> None:
    add_user(hospital, Author("n001", "张护士", Role.NURSE))
    add_user(hospital, LI, PASSWORD)
    disable_user(hospital, "s001", "left")
    for staff, password in (("n001", ""), ("s001", PASSWORD)):
        assert active_user(hospital, staff) is None
        with pytest.raises(AccessError):
            sign_in(hospital, staff, password)
    enable_user(hospital, "s001")
    set_password(hospital, "n001", PASSWORD)
    assert [sign_in(hospital, each, PASSWORD).role for each in ("s001", "n001")] == [Role.SPECIALIST, Role.NURSE]


class LaterClock(SystemClock):
    def __init__(self) -> None:
        super().__init__()
        self.later = timedelta()

    def now(self) -> datetime:
        return super().now() + self.later


def test_after_five_wrong_tries_even_the_right_one_waits(hospital: Hospital) -> None:
    clock = LaterClock()
    object.__setattr__(hospital, "clock", clock)
    add_user(hospital, LI, PASSWORD)
    for _ in range(TRIES):
        with pytest.raises(AccessError):
            sign_in(hospital, "s001", "another password")
    with pytest.raises(AccessError, match="too many"):
        sign_in(hospital, "s001", PASSWORD)
    clock.later = WAIT + timedelta(seconds=1)
    assert sign_in(hospital, "s001", PASSWORD) == LI


@pytest.mark.parametrize(
    ("staff", "name", "password"),
    [
        ("S001", "李", PASSWORD),
        ("", "李", PASSWORD),
        ("operator", "李", PASSWORD),
        ("s1", " ", PASSWORD),
        ("s1", "李", "short"),
    ],
)
def test_what_cannot_be_an_account_is_refused(hospital: Hospital, staff: str, name: str, password: str) -> None:
    with pytest.raises(RefusedInput) as raised:
        add_user(hospital, Author(staff, name, Role.SPECIALIST), password)
    assert raised.value.hint != RefusedInput.default_hint
    assert list_users(hospital) == []


def test_accounts_are_neither_doubled_nor_invented(hospital: Hospital) -> None:
    add_user(hospital, LI, PASSWORD)
    with pytest.raises(Conflict):
        add_user(hospital, Author("s001", "王", Role.OPERATOR), PASSWORD)
    with pytest.raises(NotFound):
        set_role(hospital, "s9", Role.NURSE)
    with pytest.raises(NotFound):
        disable_user(hospital, "s9", "")
    assert [each.name for each in list_users(hospital, [Role.SPECIALIST])] == ["李医生"]
    assert list_users(hospital, [Role.NURSE]) == []


@pytest.fixture
def browser(hospital: Hospital) -> Caller:
    if not all((HERE / "static" / name).is_file() for name in VENDOR):
        pytest.skip("browser libraries are not built here")
    app = create_app(hospital)
    add_pages(app, hospital)
    return Caller(app)


def log_in(browser: Caller, staff: str = "s001", password: str = PASSWORD, goal: str = "/") -> int:
    return browser.post("/login", data={"staff": staff, "password": password, "next": goal}).status_code


def test_a_specialist_signs_in_and_out(hospital: Hospital, browser: Caller) -> None:
    add_user(hospital, LI, PASSWORD)
    asked = browser.get("/encounters/x")
    assert asked.status_code == 401
    assert 'value="/encounters/x"' in asked.text
    assert log_in(browser, password="another password") == 422
    assert browser.get("/").status_code == 401
    answer = browser.post("/login", data={"staff": " s001 ", "password": PASSWORD, "next": "//elsewhere"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert all(each in answer.headers["set-cookie"] for each in ("HttpOnly", "Secure", "SameSite=strict"))
    assert "李医生" in browser.get("/").text
    assert browser.post("/logout").status_code == 303
    assert browser.get("/").status_code == 401


def test_a_role_that_does_not_read_cases_sees_none(hospital: Hospital, browser: Caller) -> None:
    add_user(hospital, Author("c001", "调度", Role.COORDINATOR), PASSWORD)
    assert log_in(browser, "c001") == 303
    assert browser.get("/").headers["location"] == "/schedule"
    assert browser.get("/encounters/e1").status_code == 403
    set_role(hospital, "c001", Role.SPECIALIST)
    assert browser.get("/").status_code == 200
    assert browser.get("/encounters/e1").status_code == 404


def test_disabling_ends_an_open_session(hospital: Hospital, browser: Caller) -> None:
    add_user(hospital, LI, PASSWORD)
    log_in(browser)
    assert browser.get("/").status_code == 200
    disable_user(hospital, "s001", "left")
    assert browser.get("/").status_code == 401


def test_another_password_ends_an_open_session(hospital: Hospital, browser: Caller) -> None:
    """It is changed because somebody else knows it, who may be signed in already."""
    add_user(hospital, LI, PASSWORD)
    log_in(browser)
    assert browser.get("/").status_code == 200
    set_password(hospital, "s001", PASSWORD)
    assert browser.get("/").status_code == 401


def test_another_site_cannot_sign_anybody_in(hospital: Hospital, browser: Caller) -> None:
    add_user(hospital, LI, PASSWORD)
    data = {"staff": "s001", "password": PASSWORD}
    assert browser.post("/login", data=data, headers={"Origin": "https://evil"}).status_code == 403


def test_the_command_line_keeps_accounts(hospital: Hospital) -> None:
    run, folder = CliRunner(), str(hospital.folder.root)
    add = ["hospital", "user", "add", folder, "s001", "--name", "李医生", "--role", "specialist", "--password-stdin"]
    assert run.invoke(command, add, input=PASSWORD + "\n").exit_code == 0
    nurse = ["hospital", "user", "add", folder, "n001", "--name", "张护士", "--role", "nurse", "--no-password"]
    assert run.invoke(command, nurse).exit_code == 0
    assert run.invoke(command, ["hospital", "user", "role", folder, "s001", "coordinator"]).exit_code == 0
    assert (
        run.invoke(
            command, ["hospital", "user", "password", folder, "s001", "--password-stdin"], input=PASSWORD * 2
        ).exit_code
        == 0
    )
    assert run.invoke(command, ["hospital", "user", "disable", folder, "n001", "--why", "left"]).exit_code == 0
    said = run.invoke(command, ["hospital", "user", "list", folder]).output
    assert said.splitlines() == ["n001  张护士  nurse  disabled", "s001  李医生  coordinator  signs in"]
    assert '"role":"coordinator"' in run.invoke(command, ["hospital", "user", "list", folder, "--json"]).output
    assert sign_in(hospital, "s001", PASSWORD * 2).role is Role.COORDINATOR
