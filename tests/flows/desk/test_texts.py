"""The desk speaks both languages everywhere, and can be read by everybody."""

import re
from itertools import product
from pathlib import Path

import pytest

import flows.desk
from flows.desk.site import DROP_REASONS, HELP_KEYS, Site
from flows.desk.texts import LANGUAGES, preferred, texts_of
from flows.desk.view import GROUPS, LAYERS, OPINIONS, SHOWS
from tasks.common.schema.rule_names import RULE_NAMES
from tests.flows.desk.builders import client_of

ROOT = Path(flows.desk.__file__).parent
TEMPLATES = sorted((ROOT / "templates").glob("*.j2"))
SCRIPTS = sorted((ROOT / "static").glob("*.js"))
CSS = (ROOT / "static" / "desk.css").read_text(encoding="utf-8")
EN, ZH = (texts_of(language).by_key for language in ("en", "zh"))
_WORD = re.compile(r"[A-Za-z\u4e00-\u9fff]{2,}")


def test_both_languages_have_the_same_texts() -> None:
    assert EN.keys() == ZH.keys()
    assert all(EN.values())
    assert all(ZH.values())


def test_both_languages_fill_in_the_same_values() -> None:
    def values(text: str) -> set[str]:
        return set(re.findall(r"{\w+}", text))

    assert [key for key in EN if values(EN[key]) != values(ZH[key])] == []


def test_chinese_is_chinese() -> None:
    names = {"language.en", "format.cvat", "format.labelstudio", "format.fiftyone", "format.psd"}
    names |= {"js.by", "js.done.one", "of"}  # values and signs
    untranslated = {key for key, text in ZH.items() if not re.search(r"[\u4e00-\u9fff]", text)}
    assert untranslated == names


def bare_words(template: str) -> list[str]:
    """Return words of a template that are in no catalogue: text, and attributes people meet."""
    text = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}", "", template, flags=re.DOTALL)
    spoken = re.findall(r'\b(?:aria-label|title|placeholder|alt)="([^"]*)"', text)
    plain = re.sub(r"<[^>]*>", " ", text)
    plain = re.sub(r"&\w+;", " ", plain)
    return [word for piece in (*spoken, plain) for word in _WORD.findall(piece)]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_a_bare_text(path: Path) -> None:
    # Keys of a keyboard have the same name on every one.
    assert set(bare_words(path.read_text(encoding="utf-8"))) <= {"Esc"}


def test_the_check_of_templates_notices_text_and_labels() -> None:
    template = '<p>{{ t("x") }} Hello</p><img alt="A picture"><b aria-label="{{ t("y") }}">1</b>'
    assert bare_words(template) == ["picture", "Hello"]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_text_that_a_template_names_is_there(path: Path) -> None:
    named = re.findall(r"""\bt\(["']([\w.]+)["'][,)]""", path.read_text(encoding="utf-8"))
    assert [key for key in named if key not in EN] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_every_text_that_a_script_names_is_there(path: Path) -> None:
    named = re.findall(r"""\btext\(["']([\w.]+)["']""", path.read_text(encoding="utf-8"))
    assert [key for key in named if f"js.{key}" not in EN] == []


def test_every_word_of_the_program_has_a_text() -> None:
    groups = {
        "opinion": OPINIONS[1:], "group": ("none", *GROUPS[1:]), "show": SHOWS, "layer": LAYERS,
        "rule": RULE_NAMES, "reason": DROP_REASONS, "js.scope": ("one", "track", "similar"),
        "key": tuple(name for _, keys in HELP_KEYS for _, name in keys),
    }  # fmt: skip
    missing = [f"{g}.{n}" for g, names in groups.items() for n in names if f"{g}.{n}" not in EN]
    assert missing == []


@pytest.mark.parametrize(
    ("cookie", "accepted", "language"),
    [
        (None, "", "en"),
        (None, "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        (None, "de,zh;q=0.5", "zh"),
        (None, "fr", "en"),
        ("zh", "en", "zh"),
        ("xx", "zh", "zh"),
    ],
)
def test_a_browser_gets_the_language_that_it_asks_for(
    cookie: str | None, accepted: str, language: str
) -> None:
    assert preferred(cookie, accepted) == language


def test_a_chosen_language_stays(read_site: Site) -> None:
    client = client_of(read_site)
    client.get("/language", params={"to": "zh", "next": "/"})
    html = client.get("/", headers={"accept-language": "en"}).text
    assert '<html lang="zh">' in html
    assert ZH["filters"] in html


# Contrast, by WCAG 2.2.


def colours() -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", CSS))


def luminance(colour: str) -> float:
    """Return the relative luminance of sRGB, 0..1 (WCAG 2.2, definition)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


TEXT = ("ink", "soft", "link", "keep", "review", "drop")
GROUND = ("ground", "panel", "raised")


@pytest.mark.parametrize(("text", "ground"), list(product(TEXT, GROUND)))
def test_text_can_be_read(text: str, ground: str) -> None:
    """AA asks for 4.5."""
    found = colours()
    assert contrast(found[text], found[ground]) >= 4.5


@pytest.mark.parametrize(("mark", "ground"), [*product(["focus"], [*GROUND, "stage"])])
def test_the_focus_can_be_seen(mark: str, ground: str) -> None:
    """AA asks for 3 (success criterion 1.4.11)."""
    found = colours()
    assert contrast(found[mark], found[ground]) >= 3


def test_the_main_button_can_be_read() -> None:
    found = colours()
    assert contrast(found["on-main"], found["main"]) >= 4.5


def test_languages_are_the_files_that_are_there() -> None:
    assert {path.stem for path in (ROOT / "texts").glob("*.yaml")} == set(LANGUAGES)


def test_nothing_comes_from_another_server() -> None:
    for path in (*TEMPLATES, *SCRIPTS, ROOT / "static" / "desk.css"):
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text
        assert "https://" not in text
        assert "url(" not in text
