"""`matteflow sources`: what it tells before a run of hours would."""

from pathlib import Path

import pytest

from flows.cli.sources import _misfits
from tasks.common.recipe.bounds import LicenceBounds
from tasks.common.recipe.models import load_recipe
from tasks.common.records import Source
from tests.download.test_folder import touch
from tests.flows.builders import exit_code


def test_what_a_recipe_has_no_use_for_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    touch(tmp_path, "a.jpg")
    (tmp_path / "l.csv").write_text(
        "source_id,uri,scenes,licence\nx,a.jpg,zzz-nothing,Secret Licence\n"
    )
    assert exit_code("sources", str(tmp_path / "l.csv"), "--recipe", "people") == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "1 tags match no scene of the recipe people: zzz-nothing." in text


def test_a_licence_that_the_recipe_does_not_allow_is_told() -> None:
    recipe = load_recipe("people")
    bounds = recipe.filter.model_copy(update={"licence": LicenceBounds(allowed=("CC0-1.0",))})
    strict = recipe.model_copy(update={"filter": bounds})
    sources = [
        Source(source_id=name, uri="/a", licence=licence)
        for name, licence in (("x", "Secret Licence"), ("y", "cc0-1.0"))
    ]
    assert list(_misfits(sources, strict)) == [
        "x: The licence 'Secret Licence' is not on the recipe's list. Its crops: drop."
    ]
    assert list(_misfits(sources, None)) == []


def test_a_long_path_keeps_its_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    touch(tmp_path, f"{'long' * 30}/the-name.jpg", "notes.txt")
    assert exit_code("sources", str(tmp_path)) == 0
    text = capsys.readouterr().out
    assert "1 skipped: files of other formats (.txt): notes.txt." in text
    cells = "".join(
        line.split("\u2502")[2].strip() for line in text.splitlines() if "\u2502" in line
    )
    assert cells.endswith("the-name.jpg")


@pytest.mark.parametrize("place", ["argument", "list"])
def test_a_mistyped_scheme_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    (tmp_path / "l.csv").write_text("source_id,uri\na,htp://h/a.jpg\n")
    where = "htp://h/a.jpg" if place == "argument" else str(tmp_path / "l.csv")
    assert exit_code("sources", where) == 2
    assert "the scheme htp: of htp://h/a.jpg is not known" in capsys.readouterr().err
    assert "exist" not in capsys.readouterr().err
