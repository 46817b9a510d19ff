"""The generated pages of docs/ describe the code as it is."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import Field
from pydantic_settings import BaseSettings

from docs import generate
from tasks.common.schema.rule_names import RULE_NAMES
from tasks.common.settings import Settings

DOCS = Path(generate.__file__).parent


@pytest.mark.parametrize(("name", "page"), generate.PAGES.items(), ids=list(generate.PAGES))
def test_a_generated_page_is_what_the_code_gives(name: str, page: Callable[[], str]) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == page(), "Run `make docs`."


def test_every_setting_has_a_row_with_a_meaning() -> None:
    rows = dict(re.findall(r"^\| `MATTEFLOW_(\w+)` .*\| (.*) \|$", generate.settings_page(), re.M))
    assert {name.upper() for name in Settings.model_fields} - {"SHARED"} <= rows.keys()
    assert [name for name, meaning in rows.items() if not meaning] == []


def test_every_rule_has_a_row_and_a_section_in_the_order_of_judgement() -> None:
    page = generate.rules_page()
    assert tuple(re.findall(r"^\| \[`(\w+)`\]", page, re.M)) == RULE_NAMES
    assert tuple(re.findall(r"^### (\w+)$", page, re.M)) == RULE_NAMES


def test_every_requirement_that_a_rule_serves_is_explained() -> None:
    text = (DOCS / "requirements.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| (S\d+) \|", text, re.M))
    assert set(re.findall(r"\bS\d+\b", generate.rules_page())) <= explained
    assert explained == {f"S{number}" for number in range(1, 24)}


class Sample(BaseSettings):
    """One setting of each kind that the page knows."""

    choice: str = Field("a", description="x")
    n: int = Field(3, ge=1, le=9, description="x")
    share: float = Field(0.5, gt=0, description="x")
    on: bool = Field(False, description="x")


@pytest.mark.parametrize(
    ("name", "default", "allowed"),
    [
        pytest.param("choice", "`a`", "text", id="text"),
        pytest.param("n", "`3`", "integer ≥ 1, ≤ 9", id="integer-with-limits"),
        pytest.param("share", "`0.5`", "number > 0", id="number-with-open-limit"),
        pytest.param("on", "`false`", "`true`, `false`", id="switch-as-in-an-environment"),
    ],
)
def test_a_setting_is_shown_as_one_writes_it(name: str, default: str, allowed: str) -> None:
    field = Sample.model_fields[name]
    assert (generate._default(field), generate._allowed(field)) == (default, allowed)


def test_running_it_writes_only_pages_that_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "FOLDER", tmp_path)
    monkeypatch.setattr(generate, "PAGES", {"a.md": lambda: "a", "b.md": lambda: "b"})
    (tmp_path / "a.md").write_text("a")
    generate.main()
    assert capsys.readouterr().out == f"{tmp_path / 'b.md'} written\n"
    assert (tmp_path / "b.md").read_text() == "b"
