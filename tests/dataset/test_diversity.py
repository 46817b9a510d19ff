"""Of one person in one shot the most distinct samples are published."""

from dataclasses import replace
from pathlib import Path

import pytest

from tasks.common.schema.boxes import Box
from tasks.common.schema.rows import Pose, RunCrop
from tasks.common.workspace.artifacts import Workspace
from tasks.dataset.diversity import TOO_ALIKE, leave_out_alike
from tests.dataset.builders import judged, source
from tests.dataset.crops import Crop
from tests.dataset.trees import lists_of, read_tree
from tests.deduplicate.builders import run_crop

N_JOINTS = 17
BOX = Box(0, 0, 40, 100)


def at(
    time_s: float,
    *,
    arm: float = 0.0,
    hash_bits: int = 0,
    box: Box = BOX,
    sharpness: float = 0.7,
    seen: float = 0.9,
) -> RunCrop:
    """Return a crop of a shot at a time; `arm` is where one wrist is, in px."""
    row = run_crop("a", Crop(f"{time_s:04.1f}", hash=hash_bits, sharpness=sharpness))
    points = tuple((20.0 + (arm if n == 9 else 0.0), 50.0) for n in range(N_JOINTS))
    pose = Pose(row.stem, points, (seen,) * N_JOINTS, None, None, "blazepose-full", "")
    crop = replace(row.crop, time_s=time_s, person_box_xyxy=box, crop_box_xyxy=box)
    return replace(row, crop=crop, pose=pose)


def kept(crops: list[RunCrop], most: int, published: tuple[str, ...] = ()) -> list[float]:
    out = {left.stem for left in leave_out_alike(crops, most, published)}
    return [crop.crop.time_s for crop in crops if crop.stem not in out]


def test_as_many_as_are_allowed_stay() -> None:
    assert kept([at(0.0), at(0.5)], 2) == [0.0, 0.5]


def test_poses_that_differ_most_stay() -> None:
    shot = [at(0.0), at(0.5, arm=1), at(1.0, arm=60), at(1.5, arm=61), at(2.0, arm=-60)]
    assert kept(shot, 3) == [0.0, 1.5, 2.0]


def test_looks_that_differ_stay_where_poses_are_alike() -> None:
    shot = [at(0.0), at(0.5, hash_bits=0b1), at(1.0, hash_bits=(1 << 40) - 1)]
    assert kept(shot, 2) == [0.0, 1.0]


def test_the_best_of_equals_stays() -> None:
    assert kept([at(0.0, sharpness=0.5), at(0.5, sharpness=0.9), at(1.0, sharpness=0.6)], 1) == [
        0.5
    ]


def test_a_joint_that_is_not_seen_makes_no_difference() -> None:
    shot = [at(0.0), at(0.5, arm=90, seen=0.1), at(1.0, hash_bits=0b111)]
    assert kept(shot, 2) == [0.0, 1.0]


def test_another_person_and_another_shot_are_other_tracks() -> None:
    beside = Box(200, 0, 240, 100)
    crops = [at(0.0), at(0.5), at(9.0), at(0.2, box=beside)]
    assert len(kept(crops, 1)) == 3


def test_published_samples_stay_before_better_ones() -> None:
    shot = [at(0.0, sharpness=0.5), at(0.5, sharpness=0.9), at(1.0, arm=60)]
    assert kept(shot, 1, (shot[0].stem,)) == [0.0]
    both = (shot[0].stem, shot[1].stem)
    assert kept(shot, 1, both) == [0.0, 0.5]  # none that was published goes


@pytest.mark.parametrize("most", [1, 2, 3])
def test_the_order_of_the_crops_does_not_matter(most: int) -> None:
    shot = [at(n / 2, arm=17.0 * n % 50, hash_bits=37 * n) for n in range(6)]
    assert set(kept(shot, most)) == set(kept(shot[::-1], most))


def test_people_of_one_moment_are_all_published(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    crops = [Crop("a"), Crop("b")]  # the builders put all crops of a source into one frame
    tree = read_tree(workspace, judged(workspace, source("s"), crops), per_track=1)
    assert len(lists_of(tree)["train.txt"]) == 2


def test_what_is_left_out_has_a_reason_and_a_sentence() -> None:
    (left,) = leave_out_alike([at(0.0), at(0.5)], 1)
    assert left.reason == TOO_ALIKE
    assert left.sentence == "Other samples of this person in this shot differ more; the limit is 1."
