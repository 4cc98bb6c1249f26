"""Register a villager, then start their care."""

import json

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from clinic_records import resident_id as gb11643
from clinic_records.care import StopStatus
from clinic_records.errors import Conflict, RefusedInput
from clinic_records.people import AllergyState, IdentityCheck, Patient
from clinic_web.pages import lang_of
from vehicle_agent.web.keys import act_key, fresh_key
from vehicle_agent.web.presented import form_of
from vehicle_agent.web.registration import LIMITS, SEXES, read_form, read_identity, refused
from vehicle_agent.web.site import fields, go, site_of

router = APIRouter()


@router.get("/people/new")
async def ask(request: Request, card: str = "") -> Response:
    """The form: empty, or filled by the card of that name."""
    event = site_of(request).desk.identity.find(card) if card else None
    return await _form(request, {"key": fresh_key()} | (form_of(event) if event else {}), {}, [], 200)


async def _form(
    request: Request, typed: dict[str, str], errors: dict[str, str], same: list[Patient], status_code: int
) -> Response:
    site = site_of(request)
    site.author(request)
    stop = (await site.desk.today()).stop
    return await site.page(
        request,
        "register.html",
        live="register",
        status_code=status_code,
        typed=typed,
        errors=errors,
        same=same,
        limits=LIMITS,
        sexes=SEXES,
        checks=tuple(IdentityCheck),
        allergy_states=tuple(AllergyState),
        is_stop_open=stop is not None and stop.status is StopStatus.OPEN,
    )


@router.post("/people/new")
async def register(request: Request) -> Response:
    """Keep the person and go on to their encounter; what is wrong is said beside its field."""
    site, typed = site_of(request), await fields(request)
    author, lang = site.author(request), lang_of(request)

    def say(key: str, **values: object) -> str:
        return site.pages.catalogue.say(lang, key, **values)

    form, errors = read_form(typed, site.today, say)
    if form is None:
        return await _form(request, typed, errors, [], 422)

    async def act() -> str:
        patient = await site.desk.register(form, author)
        today = await site.desk.today()
        if today.stop is None or today.stop.status is not StopStatus.OPEN:
            return "/"
        going_on = [
            row.encounter for row in today.queue if row.patient.id == patient.id and not row.encounter.finished_at
        ]
        if going_on:  # this form was taken before the agent started anew
            return f"/enc/{going_on[0].id}"
        opened = await site.desk.open_encounter(patient.id, typed.get("reason", "").strip(), author)
        return f"/enc/{opened.id}"

    try:
        return go(request, await site.once.do(act_key(typed), act))
    except RefusedInput as error:
        return await _form(request, typed, refused(error, lang), [], 422)
    except Conflict:
        same = await site.desk.search(form.resident_id) if form.resident_id else []
        return await _form(request, typed, {"resident_id": say("people.error.known")}, same, 409)


@router.post("/people/identity")
async def identity(request: Request) -> Response:
    """Check an identity number while the form is being filled; says birth date and sex to the form."""
    site, typed = site_of(request), await fields(request)
    site.author(request)
    lang = lang_of(request)

    def say(key: str, **values: object) -> str:
        return site.pages.catalogue.say(lang, key, **values)

    number, wrong = read_identity(typed.get("resident_id", ""), say)
    line = site.pages.fragment("identity.html", lang, number=number, wrong=wrong)
    if not number:
        return HTMLResponse(line)
    born = gb11643.born(number)
    told = {
        "birth_year": str(born.year),
        "birth_month": str(born.month),
        "birth_day": str(born.day),
        "sex": gb11643.sex(number).value,
    }
    return HTMLResponse(line, headers={"hx-trigger": json.dumps({"identity-read": told})})
