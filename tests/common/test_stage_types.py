"""A stage refuses another stage's table: mypy says so, not a run after an hour.

mypy itself is the check. In strict mode it reports a `type: ignore` that hides no error, so `make
types` fails as soon as one of the calls below would be allowed.
"""

import tomllib
from pathlib import Path
from typing import get_type_hints

from tasks.common.recipe.models import MatteRecipe
from tasks.common.records import AdmittedTable, CropsTable, MattesTable, Stage, StageResult
from tasks.matte.stage import matte_key

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


def _result(stage: Stage) -> StageResult:
    return StageResult(stage=stage, key="k", digest=stage, n_in=0, n_kept=0, n_dropped=0, n_out=0)


def test_mattes_where_crops_belong_are_a_type_error() -> None:
    crops, mattes = CropsTable(_result("detect")), MattesTable(_result("matte"))
    screened, recipe = AdmittedTable(_result("screen")), MatteRecipe(model="u2netp")
    key = matte_key(crops, screened, recipe)
    # At run time nothing stops these calls: they would name an artifact that nobody looks for.
    of_mattes = matte_key(mattes, screened, recipe)  # type: ignore[arg-type]  # what is shown
    of_any = matte_key(_result("detect"), screened, recipe)  # type: ignore[arg-type]  # likewise
    assert (of_mattes != key, of_any == key) == (True, True)


def test_the_tables_of_stages_are_types_of_their_own() -> None:
    hints = get_type_hints(matte_key)
    assert (hints["crops"], hints["screened"]) == (CropsTable, AdmittedTable)


def test_mypy_is_strict_on_the_tests_and_reports_an_ignore_that_hides_nothing() -> None:
    mypy = tomllib.loads(PYPROJECT.read_text())["tool"]["mypy"]
    assert mypy["strict"] is True
    assert "tests" in mypy["files"]
    assert mypy.get("warn_unused_ignores", True) is True
    loose = [entry for entry in mypy["overrides"] if "warn_unused_ignores" in entry]
    assert [entry for entry in loose if not entry["warn_unused_ignores"]] == []
