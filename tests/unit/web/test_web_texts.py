"""Both languages are whole: no key missing, none unused, no raw text in templates or scripts."""

import re
import tomllib
from pathlib import Path

import pytest

from clinic_records.errors import ConfigError
from clinic_web import pages, status
from clinic_web.i18n import Catalogue
from clinic_web.pages import COMMON_TEXTS, create_templates
from vehicle_agent.web import site

HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")
ROOTS = (pages.HERE, site.HERE)
TEMPLATES = sorted(path for root in ROOTS for path in (root / "templates").glob("*.html"))
SCRIPTS = sorted((pages.HERE / "static").glob("*.js"))
MODULES = sorted(path for root in ROOTS for path in root.rglob("*.py"))
TEXTS = (COMMON_TEXTS, site.HERE / "texts.toml")
CALL = re.compile(r"""(?:\bt|\bsay|\bhint)\(\s*(?:request,\s*|lang,\s*)?\(?f?["']([a-z_]+\.[a-z0-9_.{}-]+)["']""")
WHOLE = re.compile(r"""["']([a-z_]+(?:\.[a-z0-9_-]+)+)["']""")
BUILT = (
    "sex.",
    "look.",
    "role.",
    "lane.",
    "modality.",
    "unbound.reason.",
    "presented.kind.",
    "today.column.",
    "people.",
    "device.",
    "quality.kind.",
    "messages.kind.",
    "question.",
    "answer.",
    "quality.mark.",
    "result.",
    "stops.weekday.",
    "stops.origin.",
    "stops.turn.",
    "stops.missed.",
    "stops.substituted.",
    "stops.extra.",
)
"""Prefixes of keys that pages build from a value: their rows are checked against those values elsewhere."""


def catalogue() -> Catalogue:
    return Catalogue.load(*TEXTS)


def test_every_key_used_is_in_the_catalogue() -> None:
    known = catalogue().texts
    used = {key for path in TEMPLATES for key in CALL.findall(path.read_text("utf-8"))}
    used |= {key for path in MODULES for key in CALL.findall(path.read_text("utf-8"))}
    built = {key for key in used if "{" in key or key.endswith((".", "_"))}
    assert len(used) > 100
    assert {key for key in used - built if key not in known} == set()


def test_no_key_is_unused() -> None:
    source = "\n".join(path.read_text("utf-8") for path in [*TEMPLATES, *MODULES])
    whole = set(WHOLE.findall(source))
    unused = {key for key in catalogue().texts if key not in whole and not key.startswith(BUILT)}
    assert unused == set()


def test_both_languages_fill_the_same_places() -> None:
    places = re.compile(r"\{([a-z]*)\}")
    for key, text in catalogue().texts.items():
        assert set(places.findall(text.zh)) == set(places.findall(text.en)), key
        assert text.zh.strip(), key
        assert text.en.strip(), key
        assert not HAN.search(text.en) or key == "app.other_language_label" or key == "app.other_language", key


@pytest.mark.parametrize("path", [*TEMPLATES, *SCRIPTS], ids=lambda path: path.name)
def test_no_template_or_script_holds_text_of_its_own(path: Path) -> None:
    assert HAN.findall(path.read_text("utf-8")) == []


def test_forbidden_words_are_nowhere() -> None:
    never = ("同步成功", "全部上传", "提交", "操作失败", "系统异常", "非法", "无效", "必填", "AI 诊断")
    for key, text in catalogue().texts.items():
        assert not any(word in text.zh for word in never), key


def test_a_text_in_one_language_is_refused(tmp_path: Path) -> None:
    lame = tmp_path / "lame.toml"
    lame.write_text('[page]\ntitle = { zh = "站" }\n', "utf-8")
    with pytest.raises(ConfigError, match=r"page\.title needs exactly zh and en"):
        create_templates(texts=[lame])


def test_a_key_defined_twice_is_refused(tmp_path: Path) -> None:
    again = tmp_path / "again.toml"
    again.write_text('[app]\nlock = { zh = "锁上", en = "lock up" }\n', "utf-8")
    with pytest.raises(ConfigError, match=r"app\.lock is defined twice"):
        create_templates(texts=[again])


def test_texts_are_written_once_per_file() -> None:
    for path in TEXTS:
        tomllib.loads(path.read_text("utf-8"))


def test_no_two_states_of_a_group_share_a_word_nor_those_on_the_way_a_sign() -> None:
    rows = list(status.TABLE.values())
    for lang in ("zh", "en"):
        words = [(row.group, row.word(lang)) for row in rows]
        assert len(words) == len(set(words))
    signs = [(row.group, row.icon) for row in rows if row.group in {"record", "link", "encounter"}]
    assert len(signs) == len(set(signs)), "told apart in grey-scale before the word is read"


def test_each_state_is_a_tag_with_sign_word_and_colour() -> None:
    made = create_templates()
    for key, row in status.TABLE.items():
        html = (
            made.environment.get_template("macros.html")
            .make_module({"lang": "zh"})
            .tag(  # type: ignore[attr-defined]  # macros are made at run time
                key, name="王秀英", time="09:42", what="青霉素"
            )
        )
        assert f'class="tag {row.tone}"' in html
        assert row.icon in html
        assert "{" not in html
