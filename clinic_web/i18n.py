"""Two languages from one catalogue: every text of a page stands in a TOML file as one key with `zh` and `en`.

A key missing in a template is a KeyError, a key without both languages a ConfigError at start: no page can be half
translated. Chinese comes first.
"""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from clinic_records.errors import ConfigError

LANGS: Final = ("zh", "en")
HTML_LANG: Final[Mapping[str, str]] = {"zh": "zh-Hans-CN", "en": "en"}
"""BCP 47 tags; without `zh-Hans-CN` a CJK font may draw Japanese shapes."""


class Text(NamedTuple):
    """One text in both languages."""

    zh: str
    en: str

    def in_lang(self, lang: str) -> str:
        """The words in `lang`; anything but `en` is Chinese."""
        return self.en if lang == "en" else self.zh


def _flatten(source: Path, table: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Text]]:
    for name, value in table.items():
        key = f"{prefix}{name}"
        if not isinstance(value, dict):
            raise ConfigError(f"{source.name}: {key} must be a table with zh and en")
        if set(value) == set(LANGS) and all(isinstance(word, str) for word in value.values()):
            yield key, Text(value["zh"], value["en"])
        elif set(value) & set(LANGS):
            raise ConfigError(f"{source.name}: {key} needs exactly zh and en, both texts")
        else:
            yield from _flatten(source, value, f"{key}.")


class Catalogue:
    """All texts of one web side."""

    def __init__(self, texts: Mapping[str, Text]) -> None:
        self.texts = dict(texts)

    @classmethod
    def load(cls, *files: Path) -> "Catalogue":
        """The texts of several TOML files together.

        Raises:
            ConfigError: a file has a text in one language only, or two files define the same key.
        """
        texts: dict[str, Text] = {}
        for file in files:
            for key, text in _flatten(file, tomllib.loads(file.read_text(encoding="utf-8"))):
                if key in texts:
                    raise ConfigError(f"{file.name}: {key} is defined twice")
                texts[key] = text
        return cls(texts)

    def say(self, lang: str, key: str, **values: object) -> str:
        """The text `key` in `lang`, `{...}` filled from `values`.

        Raises:
            KeyError: no such key, or a value it needs was not given.
        """
        words = self.texts[key].in_lang(lang)
        return words.format(**values) if values else words
