"""The tree that a trainer syncs."""

import ast
import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tasks.common.errors import InputError
from tasks.common.files import digest_bytes
from tasks.common.records import Verdict
from tasks.common.workspace.artifacts import Workspace
from tests.dataset.builders import BOX, judged, person_mask, source, two_sources
from tests.dataset.crops import Crop
from tests.dataset.trees import NAME, Tree, lists_of, read_tree, tree_of

STEMS = {"train": ["street-a"], "val": ["cafe-a", "cafe-b"]}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return read_tree(Workspace(tmp_path_factory.mktemp("workspace")))


@pytest.mark.parametrize("verdict", [None, "drop", "review"])
def test_without_a_kept_crop_nothing_is_built(verdict: Verdict | None, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    crops = [] if verdict is None else [Crop("a", verdict, "sharpness", "No.")]
    with pytest.raises(InputError, match="No crop was kept, so there is nothing to publish"):
        tree_of(workspace, (judged(workspace, source("street"), crops),))
    assert list(tmp_path.glob("dataset/*/*/artifact.json")) == []


def test_the_tree_holds_exactly_what_the_readme_says(tree: Tree) -> None:
    pairs = [(side, stem) for side, stems in STEMS.items() for stem in stems]
    lists = ["train", "val", "indoor-val", "night-train", "street-train"]
    assert sorted(tree) == sorted(
        [
            *(f"img_dir/{side}/{stem}.jpg" for side, stem in pairs),
            *(f"ann_dir/{side}/{stem}.png" for side, stem in pairs),
            *(f"split_dir/{name}.txt" for name in lists),
            *("README.md", "CHANGELOG.md", "dataset.json", "mmseg_config.py", "samples.csv"),
            *("figures/longer_side.svg", "figures/subject_share.svg"),
            *("groups.json", "splits.json", "report.html", "review.csv", "MANIFEST.sha256"),
        ]
    )


def test_image_and_annotation_have_one_size_and_only_0_and_1(tree: Tree) -> None:
    x0, y0, x1, y1 = BOX
    for name in [name for name in tree if name.startswith("ann_dir/")]:
        image_name = name.replace("ann_dir/", "img_dir/").replace(".png", ".jpg")
        annotation = Image.open(io.BytesIO(tree[name]))
        assert (annotation.mode, annotation.size) == ("L", (x1 - x0, y1 - y0))
        assert Image.open(io.BytesIO(tree[image_name])).size == annotation.size
        assert np.array_equal(np.asarray(annotation), person_mask()[y0:y1, x0:x1])


def test_the_manifest_agrees_with_every_other_file(tree: Tree) -> None:
    lines = tree["MANIFEST.sha256"].decode().splitlines()
    said = [tuple(line.split("  ", 1)) for line in lines]
    others = sorted(set(tree) - {"MANIFEST.sha256"})
    assert said == [(digest_bytes(tree[name]), name) for name in others]


def test_the_facts_agree_with_the_files(tree: Tree) -> None:
    facts = json.loads(tree["dataset.json"])
    assert facts["name"] == NAME
    assert facts["classes"] == ["background", "person"]
    assert facts["n_samples"] == len([name for name in tree if name.startswith("img_dir/")])
    assert {one["name"] + ".txt": one["n_samples"] for one in facts["split_files"]} == {
        name: len(stems) for name, stems in lists_of(tree).items()
    }
    size = (facts["mean_width_px"], facts["mean_height_px"], facts["n_boxes"])
    assert size == (BOX[2] - BOX[0], BOX[3] - BOX[1], 3)
    assert facts["channels"] == {"rembg u2netp": 3}


def test_the_table_of_samples_has_a_row_for_each_image(tree: Tree) -> None:
    rows = list(csv.DictReader(tree["samples.csv"].decode().splitlines()))
    told = [(row["split"], row["stem"], row["scenes"], row["uploader"]) for row in rows]
    assert told == [
        ("val", "cafe-a", "indoor", ""),
        ("val", "cafe-b", "indoor", ""),
        ("train", "street-a", "night;street", "ann"),
    ]


def test_the_facts_tell_the_provenance_of_every_source(tree: Tree) -> None:
    facts = json.loads(tree["dataset.json"])
    told = {line["source_id"]: (line["licence"], line["uploader"]) for line in facts["sources"]}
    assert told == {"cafe": (None, None), "street": ("CC0-1.0", "ann")}


def test_the_card_shows_counts_and_licences(tree: Tree) -> None:
    card = tree["README.md"].decode()
    for line in (
        "| street | 1 | CC0-1.0 |  | ann |  |  |",
        "| cafe | 2 | not given |  |  |  |  |",
        "| filter | sharpness | 1 | Its sharpness 0.001 is below 0.008. |",
    ):
        assert line in card.splitlines()


def _assigned(code: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    exec(compile(ast.parse(code), "mmseg_config.py", "exec"), values)
    return {name: value for name, value in values.items() if not name.startswith("__")}


@pytest.mark.parametrize("share", [None, 0.0, 1.0], ids=["both", "train", "val"])
def test_the_training_configuration_names_what_is_there(
    share: float | None, tmp_path: Path
) -> None:
    changes: dict[str, Any] = {} if share is None else {"val_share": share, "pin": {}}
    tree = read_tree(Workspace(tmp_path), **changes)
    values = _assigned(tree["mmseg_config.py"].decode())
    sides = [side for side in ("train", "val") if f"split_dir/{side}.txt" in tree]
    assert [name for name in values if name.endswith("_dataset")] == [f"{s}_dataset" for s in sides]
    for side in sides:
        dataset = values[f"{side}_dataset"]
        assert dataset["reduce_zero_label"] is False
        assert dataset["metainfo"]["classes"] == ("background", "person")
        for stem in tree[dataset["ann_file"]].decode().splitlines():
            assert f"{dataset['data_prefix']['img_path']}/{stem}{dataset['img_suffix']}" in tree
            folder, suffix = dataset["data_prefix"]["seg_map_path"], dataset["seg_map_suffix"]
            assert f"{folder}/{stem}{suffix}" in tree


def test_the_same_outcomes_give_the_same_bytes_on_every_machine(tree: Tree, tmp_path: Path) -> None:
    assert read_tree(Workspace(tmp_path / "another machine")) == tree


def test_the_order_of_the_sources_does_not_change_samples_and_lists(
    tree: Tree, tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path)
    turned = read_tree(workspace, *two_sources(workspace)[::-1])
    assert turned["dataset.json"] == tree["dataset.json"]


def test_where_the_sources_lay_does_not_change_the_tree(tree: Tree, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    moved = [
        outcome.model_copy(
            update={"source": outcome.source.model_copy(update={"uri": "/elsewhere"})}
        )
        for outcome in two_sources(workspace)
    ]
    assert read_tree(workspace, *moved) == tree


def test_a_source_that_failed_leaves_no_trace(tree: Tree, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    whole = judged(workspace, source("broken"), [Crop("a")])
    failed = whole.model_copy(
        update={"stages": whole.stages[:1], "error": "boom", "failed_stage": "matte"}
    )
    assert read_tree(workspace, *two_sources(workspace), failed) == tree


def test_every_file_is_accounted_for(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    made = tree_of(workspace, two_sources(workspace))
    assert (made.n_in, made.n_kept, made.n_dropped, made.n_out) == (23, 23, 0, 23)
    assert workspace.find("dataset", made.key) == made


def test_the_tree_holds_the_crops_that_people_should_look_at(tree: Tree) -> None:
    header, *lines = tree["review.csv"].decode().splitlines()
    assert header.split(",")[:3] == ["crop_id", "source_id", "time_s"]
    assert [line.split(",")[0] for line in lines] == ["street-c"]


def test_the_manifest_lists_the_review_list(tree: Tree) -> None:
    line = f"{digest_bytes(tree['review.csv'])}  review.csv"
    assert line in tree["MANIFEST.sha256"].decode().splitlines()


@pytest.mark.parametrize("name", ["review.csv", "report.html"])
def test_a_source_that_failed_is_in_none_of_the_lists_for_people(name: str, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    shown = judged(workspace, source("broken"), [Crop("a", "review", "sharpness", "Soft.")])
    failed = shown.model_copy(update={"error": "boom", "failed_stage": "dataset"})
    tree = read_tree(workspace, *two_sources(workspace), failed)
    assert b"broken" not in tree[name]


def test_a_sample_that_would_ruin_a_training_stops_the_build(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    outcome = judged(workspace, source("street"), [Crop("a")], mask=person_mask() * np.uint8(255))
    with pytest.raises(ValueError, match=r"^street-a cannot be published: .*\[0, 255\]"):
        tree_of(workspace, (outcome,))
