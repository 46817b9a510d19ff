"""What pages name is there: links, files, commands, options, settings."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.cli import command_line
from tasks.common.recipe.models import SphereRecipe
from tasks.common.recipe.publish import PublishRecipe
from tasks.common.records import Source
from tasks.common.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
README_LINES = 90
GLOSSARY_TERMS = 30
OUTSIDE = {  # read by set-up scripts, not by Settings
    "MATTEFLOW_POOL",
    "MATTEFLOW_PROJECT",
    "MATTEFLOW_BIN",
}
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))


def each_page() -> pytest.MarkDecorator:
    ids = [str(page.relative_to(ROOT)) for page in PAGES]
    return pytest.mark.parametrize("page", PAGES, ids=ids)


def prose(text: str) -> str:
    """Return a page without what stands in fences: code has its own syntax of brackets."""
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", prose(page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(text: str) -> list[str]:
    return [
        target
        for target in re.findall(r"\]\(([^)\s]+)\)", prose(text))
        if not target.startswith(("http://", "https://"))
    ]


def broken_links(page: Path, text: str) -> list[str]:
    broken = []
    for link in links(text):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    return broken


@each_page()
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken_links(page, page.read_text(encoding="utf-8")) == []


def test_the_check_of_links_notices_a_missing_file_and_a_missing_heading() -> None:
    text = "[a](README.md) [b](NO.md) [c](README.md#start) [d](README.md#no) [e](https://x.org)"
    assert broken_links(ROOT / "README.md", text) == ["NO.md", "README.md#no"]


def missing_files(text: str) -> set[str]:
    """Return the paths in backticks, from the root, that are not there."""
    named = re.findall(r"`((?:tasks|flows|tests|deployments|docs|benchmarks)/[^`\s<…*]*)`", text)
    named += [f"{'/'.join(name.split('.'))}.py" for name in modules(text)]
    return {path for path in named if not (ROOT / path).exists()}


def modules(text: str) -> list[str]:
    """Return the modules of this project that a page runs with `python -m`."""
    ours = re.findall(r"python -m ((?:flows|deployments|docs|benchmarks|tests)[.\w]*)", text)
    return [f"{name}.__main__" if "." not in name else name for name in ours]


@each_page()
def test_every_file_and_module_that_is_named_is_there(page: Path) -> None:
    assert missing_files(page.read_text(encoding="utf-8")) == set()


def test_the_check_of_files_notices_what_is_gone() -> None:
    text = "`tasks/filter/rule.py` `tasks/no.py` `python -m benchmarks.no 3` `tasks/<room>/`"
    assert missing_files(text) == {"tasks/no.py", "benchmarks/no.py"}


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each `matteflow …` that a page shows, in a fence or in backticks."""
    for fence in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        lines = [line.strip() for line in fence.splitlines()]
        yield from (
            shlex.split(line, comments=True) for line in lines if line.startswith("matteflow ")
        )
    for code in re.findall(r"`(matteflow [^`]+)`", prose(text)):
        yield shlex.split(code)


def unknown_words(words: list[str]) -> list[str]:
    """Return the command or the options that the command line does not know."""
    # Any: typer brings a click of its own, whose classes are not those of the package click.
    group: Any = command_line
    if words[1] == "--help":
        return []
    with group.make_context("matteflow", [], resilient_parsing=True) as context:
        command = group.get_command(context, words[1])
    if command is None:
        return [words[1]]
    words = words[1:]
    # `matteflow review send`: a group within the group.
    if hasattr(command, "commands") and len(words) > 1:
        with command.make_context(words[0], [], resilient_parsing=True) as context:
            inner = command.get_command(context, words[1])
        if inner is None:
            return [words[1]]
        command, words = inner, words[1:]
    # The group holds stand-ins; a command's own parameters are known once it is loaded.
    with command.make_context(words[0], [], resilient_parsing=True) as context:
        params = context.command.params
    options = {name for option in params for name in [*option.opts, *option.secondary_opts]}
    return [word for word in words[1:] if word.startswith("--") and word not in options]


@each_page()
def test_every_command_that_is_shown_exists_with_its_options(page: Path) -> None:
    shown = list(commands(page.read_text(encoding="utf-8")))
    assert [word for words in shown for word in unknown_words(words)] == []


@pytest.mark.parametrize(
    ("line", "unknown"),
    [
        pytest.param("matteflow ingest a.csv --recipe demo", [], id="known"),
        pytest.param("matteflow swim", ["swim"], id="no-command"),
        pytest.param("matteflow pull NAME --into x", ["--into"], id="no-option"),
        pytest.param("matteflow review send --format psd", [], id="subcommand"),
        pytest.param("matteflow review sell", ["sell"], id="no-subcommand"),
        pytest.param("matteflow review send --as psd", ["--as"], id="no-option-of-it"),
    ],
)
def test_the_check_of_commands_notices_what_does_not_exist(line: str, unknown: list[str]) -> None:
    assert unknown_words(line.split()) == unknown


def unknown_settings(text: str) -> set[str]:
    known = {f"MATTEFLOW_{name.upper()}" for name in Settings.model_fields} | OUTSIDE
    named = set(re.findall(r"\bMATTEFLOW_[A-Z0-9_]*[A-Z0-9]\b", text))
    return {name for name in named - known if not name.startswith("MATTEFLOW_TOKEN")}


@each_page()
def test_every_setting_that_is_named_exists(page: Path) -> None:
    assert unknown_settings(page.read_text(encoding="utf-8")) == set()


def test_the_check_of_settings_notices_a_typing_error() -> None:
    text = "`MATTEFLOW_HOME` `MATTEFLOW_HOUSE` `MATTEFLOW_TOKEN_WORKS` `MATTEFLOW_…`"
    assert unknown_settings(text) == {"MATTEFLOW_HOUSE"}


def test_the_page_for_curators_has_every_key_of_these_parts() -> None:
    text = (ROOT / "docs" / "curate.md").read_text(encoding="utf-8")
    tables = [part.split("\n\n", 1)[0] for part in re.split(r"\n\| key[^|]*\|", text)[1:]]
    columns = ["".join(re.findall(r"^\|([^|]*)\|", table, re.MULTILINE)) for table in tables]
    keys = [set(re.findall(r"`(\w+)", column)) for column in columns]
    assert set(PublishRecipe.model_fields) in keys
    assert set(SphereRecipe.model_fields) in keys


def test_the_page_on_sources_has_every_column_of_a_source_list() -> None:
    text = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
    table = text.split("\n| column |", 1)[1].split("\n\n", 1)[0]
    columns = set(re.findall(r"`(\w+)`", table)) | {"source_id", "uri"}
    found_out = {"listing", "entry", "shared_at", "revision", "annotation"}  # by collections
    assert set(Source.model_fields) - found_out <= columns


def test_make_knows_every_target_that_is_named() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        named = re.findall(r"`make ([\w-]+)`", text) + re.findall(r"^make ([\w-]+)", text, re.M)
        assert set(named) <= targets, page


def test_the_readme_fits_on_two_screens() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= README_LINES


def test_the_glossary_has_its_terms_in_order_each_with_a_meaning() -> None:
    text = (ROOT / "GLOSSARY.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    terms = [row[0] for row in rows[1:]]
    assert len(terms) >= GLOSSARY_TERMS
    assert terms == sorted(terms)
    assert all(len(row) == 3 and all(row) for row in rows)


def test_every_class_that_the_glossary_names_is_in_the_code() -> None:
    text = (ROOT / "GLOSSARY.md").read_text(encoding="utf-8")
    code = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("tasks", "flows")
        for path in (ROOT / folder).rglob("*.py")
    )
    classes = re.findall(r"`([A-Z][a-z]\w+)`", text)
    assert classes != []
    defined = [rf"^(class {name}\b|{name}\b.*=)" for name in classes]
    assert [name for name in defined if not re.search(name, code, re.MULTILINE)] == []


@pytest.mark.parametrize("page", DECISIONS, ids=[page.stem for page in DECISIONS])
def test_a_decision_has_question_decision_why_and_price(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {int(page.name[:4])}. ")
    parts = re.findall(r"^\*\*(Question|Decision|Why|Price)\.\*\*", text, re.MULTILINE)
    assert parts == ["Question", "Decision", "Why", "Price"]


def test_the_index_lists_every_decision_by_its_title() -> None:
    index = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[(.*)\]\((.*)\) \|", index, re.MULTILINE)
    titles = [(page.read_text("utf-8").splitlines()[0][2:], page.name) for page in DECISIONS]
    assert listed == titles
