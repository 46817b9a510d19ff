"""The texts of the desk, one file per language, by the same keys."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

from tasks.common.yaml_text import load_yaml

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
_FOR_SCRIPTS = "js."


class Texts:
    """The texts of one language; a missing key is an error, not an empty label."""

    def __init__(self, language: Language, texts: Mapping[str, str]):
        self.language = language
        self.by_key = texts

    def __call__(self, key: str, **values: object) -> str:
        """Return a text with its values filled in."""
        return self.by_key[key].format(**values)

    def name(self, group: str, value: str) -> str:
        """Return the name of one of the program's words, such as a verdict or rule.

        A word without a text, such as a rule newer than the translation, stands for itself.
        """
        return self.by_key.get(f"{group}.{value}", value.replace("_", " "))

    @property
    def for_scripts(self) -> dict[str, str]:
        """The texts that scripts show, without their prefix."""
        return {
            key.removeprefix(_FOR_SCRIPTS): text
            for key, text in self.by_key.items()
            if key.startswith(_FOR_SCRIPTS)
        }


@cache
def texts_of(language: Language) -> Texts:
    """Return the texts of a language."""
    text = files(__package__).joinpath(f"{language}.yaml").read_text("utf-8")
    values: dict[str, str] = {key: str(value) for key, value in load_yaml(text).items()}
    return Texts(language, values)


def preferred(cookie: str | None, accepted: str) -> Language:
    """Return the language that somebody chose, else the one that their browser asks for first."""
    for language in LANGUAGES:
        if cookie == language:
            return language
    # The order of the header is the order of preference in every browser.
    for tag in accepted.lower().split(","):
        for language in LANGUAGES:
            if tag.strip().startswith(language):
                return language
    return "en"
