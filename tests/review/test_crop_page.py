"""One crop from near: found by its id, shown with what the models saw in it."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tasks.common.digests import content_key
from tasks.common.errors import InputError
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import SourceOutcome
from tasks.common.schema.rows import Pose, RunCrop
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.deduplicate.stage import reuse_or_deduplicate
from tasks.review.crop_page import RuleFinding, read_crop, render_crop_page
from tests.dataset.builders import SIZE_WH, judged, source
from tests.dataset.crops import Crop
from tests.review.pages import Page

BOXES, POSE, MASK, ALPHA = (
    "yellow: the person, red: other people",
    "blue: seen, grey: guessed",
    "the mask",
    "the alpha",
)
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def with_pose(workspace: Workspace, outcome: SourceOutcome, *crop_ids: str) -> SourceOutcome:
    """Add a pose to these crops: all points in the middle, the even ones seen."""
    points, seen = ((16.0, 20.0),) * 17, (0.9, 0.1) * 8 + (0.9,)
    poses = [Pose(crop_id, points, seen, None, None, "blazepose-full", "") for crop_id in crop_ids]
    out = ArtifactWriter(workspace, "pose", content_key("pose", crop_ids))
    made = out.commit_rows(Pose, poses, [], n_in=len(poses))
    return outcome.model_copy(update={"stages": (*outcome.stages, made)})


def _read(workspace: Workspace, crop_id: str, *outcomes: SourceOutcome, **bounds: Any) -> RunCrop:
    """Read one crop of a run over these outcomes."""
    crops = reuse_or_deduplicate(outcomes, RuleBounds.model_validate(bounds), workspace)
    return read_crop(crops, crop_id, workspace)


def _found(workspace: Workspace, *names: str, crop_id: str) -> RunCrop:
    outcome = judged(workspace, source("street"), [Crop(name) for name in names])
    return _read(workspace, crop_id, outcome)


@pytest.mark.parametrize(
    ("crop_id", "stem"),
    [
        pytest.param("street-a1", "street-a1", id="whole"),
        pytest.param("street-a10", "street-a10", id="whole and longer"),
        pytest.param("street-b", "street-b2", id="beginning"),
        pytest.param("street-b2", "street-b2", id="whole and last"),
    ],
)
def test_a_crop_is_found_by_its_id_or_by_how_it_begins(
    crop_id: str, stem: str, workspace: Workspace
) -> None:
    found = _found(workspace, "a1", "a10", "b2", crop_id=crop_id)
    assert (found.stem, found.source_id) == (stem, "street")


def test_an_id_that_begins_another_is_no_ambiguity(workspace: Workspace) -> None:
    assert _found(workspace, "a", "ab", "abc", crop_id="street-ab").stem == "street-ab"


@pytest.mark.parametrize("crop_id", ["cafe", "treet-a", "STREET-A", "", " "])
def test_a_crop_that_is_not_there_is_refused(crop_id: str, workspace: Workspace) -> None:
    said = (
        rf"No single crop '{crop_id}' in this run; of its 2 crops, none begins with it\. Crop ids"
    )
    with pytest.raises(InputError, match=said):
        _found(workspace, "a", "b", crop_id=crop_id)


def test_in_a_run_without_crops_none_is_found(workspace: Workspace) -> None:
    with pytest.raises(InputError, match="of its 0 crops, none begins with it"):
        _read(workspace, "street-a")


def test_a_beginning_of_several_is_refused_with_some_of_them(workspace: Workspace) -> None:
    names = [f"{number}" for number in range(7)]
    told = ", ".join(f"street-{name}" for name in names[:5])
    with pytest.raises(InputError, match=rf"'street' .* 7 crops, 7 begin with it: {told} …"):
        _found(workspace, *names, crop_id="street")


def test_a_crop_of_two_sources_is_found_with_the_first(workspace: Workspace) -> None:
    outcomes = [judged(workspace, source(name), [Crop("a")], media="m") for name in ("b", "a")]
    assert _read(workspace, "m-a", *outcomes).source_id == "b"


def test_a_near_duplicate_of_another_source_is_found_with_its_last_verdict(
    workspace: Workspace,
) -> None:
    outcomes = [judged(workspace, source(name), [Crop("a", hash=7)]) for name in ("x", "y")]
    verdict = _read(workspace, "y-a", *outcomes, near_duplicate={"min": 5}).verdict
    assert (verdict.verdict, verdict.nearest_crop) == ("drop", "x-a")


def test_a_crop_is_found_with_its_own_pose(workspace: Workspace) -> None:
    outcome = judged(workspace, source("street"), [Crop("a"), Crop("b")])
    posed = with_pose(workspace, outcome, "street-a")
    poses = [_read(workspace, name, posed).pose for name in ("street-a", "street-b")]
    assert [pose and pose.crop_id for pose in poses] == ["street-a", None]


FINDINGS = [
    RuleFinding("sharpness", "0.7", "min 0.4", "keep", ""),
    RuleFinding("exposure", "0.5", "max 0.4", "drop", "Half of it is blown out."),
]


def _page(workspace: Workspace, crop: Crop, *, has_pose: bool = False) -> Page:
    outcome = judged(workspace, source("street"), [crop])
    if has_pose:
        outcome = with_pose(workspace, outcome, f"street-{crop.name}")
    found = _read(workspace, f"street-{crop.name}", outcome)
    return Page(render_crop_page(found, FINDINGS, workspace))


@pytest.mark.parametrize("has_pose", [False, True], ids=["no pose", "pose"])
@pytest.mark.parametrize("has_matte", [False, True], ids=["no mask", "mask"])
def test_the_page_shows_what_there_is(
    has_matte: bool, has_pose: bool, workspace: Workspace
) -> None:
    page = _page(workspace, Crop("a", has_matte=has_matte), has_pose=has_pose)
    shown = [BOXES, *([POSE] if has_pose else []), *([MASK, ALPHA] if has_matte else [])]
    assert page.all_of("img", "alt") == shown
    assert [target[:23] for target in page.targets] == ["data:image/jpeg;base64,"] * len(shown)


def _picture(page: Page, caption: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    place = page.all_of("img", "alt").index(caption)
    data = base64.b64decode(page.all_of("img", "src")[place].partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(data)))


def test_all_pictures_are_of_one_size_and_the_crops_shape(workspace: Workspace) -> None:
    page = _page(workspace, Crop("a"), has_pose=True)
    shapes = {_picture(page, caption).shape for caption in (BOXES, POSE, MASK, ALPHA)}
    assert shapes == {(420, 420 * SIZE_WH[0] // SIZE_WH[1], 3)}


def test_a_pose_is_drawn_where_it_is_and_nowhere_else(workspace: Workspace) -> None:
    page = _page(workspace, Crop("a"), has_pose=True)
    plain, drawn = (_picture(page, caption).astype(int) for caption in (BOXES, POSE))
    around = np.s_[205:216, 163:174]
    assert np.abs(drawn[around] - plain[around]).max() > 60
    aside = np.s_[300:340, 220:280]
    assert np.abs(drawn[aside] - plain[aside]).max() <= 8


def test_outside_the_mask_the_picture_is_dimmed(workspace: Workspace) -> None:
    page = _page(workspace, Crop("a"))
    mask = _picture(page, MASK).astype(int)
    inside, outside = mask[150:300, 120:220].mean(), mask[:40].mean()
    assert outside == pytest.approx(inside / 3, rel=0.15)


def test_the_page_has_the_verdict_and_each_rules_finding(workspace: Workspace) -> None:
    page = _page(workspace, Crop("a", "drop", "exposure", "Half of it is blown out."))
    for told in (
        "street-a",
        "street, 1.5 s",
        "drop : Half of it is blown out.",
        "sharpness 0.7 min 0.4 keep",
        "exposure 0.5 max 0.4 drop Half of it is blown out.",
    ):
        assert told in page.text


def test_no_text_becomes_markup(workspace: Workspace) -> None:
    outcome = judged(workspace, source("street"), [Crop("a", "drop", EVIL, EVIL)])
    found = _read(workspace, "street-a", outcome)
    findings = [RuleFinding(EVIL, EVIL, EVIL, EVIL, EVIL)]
    assert "script" not in Page(render_crop_page(found, findings, workspace)).tags
