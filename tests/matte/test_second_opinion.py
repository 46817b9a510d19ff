"""A second matting model: its word is kept beside the first one's, and changes nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.common.files import digest_file
from tasks.common.recipe.models import MatteRecipe
from tasks.common.records import Source, StageResult
from tasks.common.schema.columns import plain_rows
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.matte import cache as store
from tasks.matte.stage import matte_crops, matte_key
from tests.matte.stand_ins import DARK, LIGHT, MARKED, FakeNetworks, marked, write_inputs

SOURCE = Source(source_id="clip", uri="clip.mp4")
ALONE = MatteRecipe(model="u2netp")
BOTH = MatteRecipe(model="u2netp", second_opinion="isnet-small")


@pytest.fixture(autouse=True)
def networks(monkeypatch: pytest.MonkeyPatch) -> FakeNetworks:
    fake = FakeNetworks()
    monkeypatch.setattr(store, "matte", fake)
    return fake


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def _run(workspace: Workspace, recipe: MatteRecipe, *levels: int) -> StageResult:
    crops, screened = write_inputs(workspace, list(levels))
    out = ArtifactWriter(workspace, "matte", matte_key(crops, screened, recipe))
    return matte_crops(out, SOURCE, crops, screened, recipe)


def _rows(workspace: Workspace, result: StageResult) -> list[dict[str, Any]]:
    return plain_rows(workspace.items(result))


@pytest.mark.parametrize("recipe", [ALONE, BOTH], ids=["alone", "with a second opinion"])
class TestEitherWay:
    def test_no_crops_give_no_mattes(
        self, recipe: MatteRecipe, workspace: Workspace, networks: FakeNetworks
    ) -> None:
        result = _run(workspace, recipe)
        assert (result.n_in, result.n_kept, result.n_dropped, result.n_out) == (0, 0, 0, 0)
        assert networks.asked == []

    def test_every_crop_is_matted_or_dropped(
        self, recipe: MatteRecipe, workspace: Workspace
    ) -> None:
        result = _run(workspace, recipe, DARK, 0, LIGHT)
        assert (result.n_in, result.n_kept, result.n_dropped) == (3, 2, 1)
        assert [row["crop_id"] for row in _rows(workspace, result)] == ["c0", "c2"]
        assert [drop["reason"] for drop in plain_rows(workspace.drops(result))] == ["mask_empty"]

    def test_mask_and_alpha_are_the_first_models(
        self, recipe: MatteRecipe, workspace: Workspace
    ) -> None:
        (row,) = _rows(workspace, _run(workspace, recipe, DARK))
        assert marked(workspace, row["alpha_path"]) == MARKED["u2netp"]
        assert marked(workspace, row["mask_path"]) == MARKED["u2netp"]
        assert json.loads(row["tight_box_xyxy"]) == [7, 5, 25, 37]
        assert row["model"] == "u2netp"

    def test_the_artifact_is_trusted(self, recipe: MatteRecipe, workspace: Workspace) -> None:
        result = _run(workspace, recipe, DARK, 0, LIGHT)
        assert workspace.find("matte", result.key) == result


class TestSecondOpinion:
    def test_without_one_path_and_digest_are_missing(self, workspace: Workspace) -> None:
        (row,) = _rows(workspace, _run(workspace, ALONE, DARK))
        assert (row["second_path"], row["second_digest"]) == (None, None)

    def test_it_is_stored_beside_the_first_one(self, workspace: Workspace) -> None:
        for row in _rows(workspace, _run(workspace, BOTH, DARK, LIGHT)):
            assert row["second_path"] != row["alpha_path"]
            assert marked(workspace, row["second_path"]) == MARKED["isnet-small"]

    def test_its_digest_is_that_of_its_file(self, workspace: Workspace) -> None:
        for row in _rows(workspace, _run(workspace, BOTH, DARK, LIGHT)):
            assert row["second_digest"] == digest_file(workspace.path(row["second_path"]))

    def test_it_is_its_own_for_each_crop(self, workspace: Workspace) -> None:
        rows = _rows(workspace, _run(workspace, BOTH, DARK, LIGHT))
        assert len({row["second_digest"] for row in rows}) == 2

    def test_it_is_asked_once_a_crop(self, workspace: Workspace, networks: FakeNetworks) -> None:
        _run(workspace, BOTH, DARK, LIGHT)
        assert networks.asked == ["u2netp", "isnet-small"] * 2

    def test_it_is_not_asked_where_the_first_model_marks_nobody(
        self, workspace: Workspace, networks: FakeNetworks
    ) -> None:
        _run(workspace, BOTH, 0)
        assert networks.asked == ["u2netp"]

    def test_asking_for_it_later_does_not_ask_the_first_model_again(
        self, workspace: Workspace, networks: FakeNetworks
    ) -> None:
        _run(workspace, ALONE, DARK)
        _run(workspace, BOTH, DARK)
        assert networks.asked == ["u2netp", "isnet-small"]

    def test_once_its_file_is_damaged_the_artifact_is_not_trusted(
        self, workspace: Workspace
    ) -> None:
        result = _run(workspace, BOTH, DARK, LIGHT)
        path = workspace.path(_rows(workspace, result)[1]["second_path"])
        path.write_bytes(path.read_bytes()[:-1])
        assert workspace.find("matte", result.key) is None

    def test_everything_but_its_own_columns_is_as_without_it(self, workspace: Workspace) -> None:
        results = (_run(workspace, recipe, DARK, LIGHT) for recipe in (ALONE, BOTH))
        alone, both = (_rows(workspace, result) for result in results)
        own = {"second_path", "second_digest", "mask_path"}
        for one, other in zip(alone, both, strict=True):
            assert {name for name in one if one[name] != other[name]} == own


class TestKey:
    def test_it_changes_with_a_second_opinion_and_with_which(self, workspace: Workspace) -> None:
        inputs = write_inputs(workspace, [DARK])
        other = BOTH.model_copy(update={"second_opinion": "isnet-medium"})
        assert len({matte_key(*inputs, recipe) for recipe in (ALONE, BOTH, other)}) == 3

    def test_it_changes_when_the_two_models_swap(self, workspace: Workspace) -> None:
        inputs = write_inputs(workspace, [DARK])
        swapped = MatteRecipe(model="isnet-small", second_opinion="u2netp")
        assert matte_key(*inputs, swapped) != matte_key(*inputs, BOTH)

    def test_it_is_the_same_for_the_same(self, workspace: Workspace) -> None:
        inputs = write_inputs(workspace, [DARK])
        assert matte_key(*inputs, BOTH) == matte_key(*inputs, BOTH.model_copy())
