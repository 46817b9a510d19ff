"""A published version in other formats, read back by the libraries that people read them with."""

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pycocotools.coco import COCO

from flows.cli import main
from tasks.common.errors import ArtifactError, InputError
from tasks.common.settings import settings
from tasks.common.store.folder import FolderStore
from tasks.common.workspace.artifacts import Workspace
from tasks.export import task
from tasks.export.samples import Version, read_pictures
from tasks.export.task import Exported, export_version
from tasks.export.webdataset import write_shards
from tasks.publish.read import read_samples
from tasks.publish.registry import VersionRegistry
from tests.dataset.builders import two_sources
from tests.dataset.trees import NAME, push, tree_of

STEMS = {"train": ["street-a"], "val": ["cafe-a", "cafe-b"]}


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    workspace = Workspace(tmp_path / "workspace")
    made = FolderStore(tmp_path / "store" / settings().root_name)
    push(tree_of(workspace, two_sources(workspace)), workspace, made)
    return made


@pytest.fixture
def version(store: FolderStore) -> Version:
    registry = VersionRegistry(store)
    commit = registry.resolve(NAME)
    return Version(commit.label, commit.tree, commit.prefix, read_samples(registry, commit))


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def mask_of(store: FolderStore, version: Version, split: str, stem: str) -> np.ndarray:
    data = store.get(f"{version.prefix}ann_dir/{split}/{stem}.png") or b""
    return np.asarray(Image.open(BytesIO(data)))


def test_coco_gives_the_very_masks_back(
    store: FolderStore, version: Version, tmp_path: Path
) -> None:
    done = export_version(store, version, "coco", tmp_path)
    for split, stems in STEMS.items():
        coco = COCO(str(done.folder / "annotations" / f"instances_{split}.json"))
        images = coco.loadImgs(coco.getImgIds())
        assert [Path(image["file_name"]).stem for image in images] == stems
        for image in images:
            (annotation,) = coco.loadAnns(coco.getAnnIds(image["id"], catIds=[1]))
            wanted = mask_of(store, version, split, Path(image["file_name"]).stem)
            assert np.array_equal(coco.annToMask(annotation), wanted)
            assert annotation["area"] == wanted.sum()
            picture = Image.open(done.folder / split / image["file_name"])
            assert picture.size == (image["width"], image["height"])


# These import webdataset, and with it torch: two seconds that the unit tier does not have.
with_torch = pytest.mark.service


@with_torch
def test_webdataset_reads_the_shards_and_the_index_names_them(
    store: FolderStore, version: Version, tmp_path: Path
) -> None:
    import webdataset

    done = export_version(store, version, "webdataset", tmp_path)
    index = pd.read_parquet(done.folder / "index.parquet")
    assert list(zip(index["shard"], index["stem"], strict=True)) == [
        ("train-000000.tar", "street-a"),
        ("val-000000.tar", "cafe-a"),
        ("val-000000.tar", "cafe-b"),
    ]
    for shard, stems in (("train-000000.tar", STEMS["train"]), ("val-000000.tar", STEMS["val"])):
        url = str(done.folder / shard)
        samples = list(webdataset.WebDataset(url, shardshuffle=False).decode("rgb8"))
        assert [sample["__key__"] for sample in samples] == stems
        for sample in samples:
            wanted = mask_of(store, version, shard.split("-")[0], sample["__key__"])
            assert np.array_equal(sample["png"][..., 0], wanted)
            assert sample["json"]["stem"] == sample["__key__"]


@with_torch
def test_shards_begin_anew_when_they_are_full(
    store: FolderStore, version: Version, tmp_path: Path
) -> None:
    write_shards(read_pictures(store, version), tmp_path / "small", size=1)
    names = sorted(path.name for path in (tmp_path / "small").glob("*.tar"))
    assert names == ["train-000000.tar", "val-000000.tar", "val-000001.tar"]


def test_an_image_folder_names_its_pictures_and_masks(
    store: FolderStore, version: Version, tmp_path: Path
) -> None:
    done = export_version(store, version, "imagefolder", tmp_path)
    for split, stems in STEMS.items():
        lines = (done.folder / split / "metadata.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        assert [row["file_name"] for row in rows] == [f"images/{stem}.jpg" for stem in stems]
        for row, stem in zip(rows, stems, strict=True):
            mask = np.asarray(Image.open(done.folder / split / row["mask_file_name"]))
            assert np.array_equal(mask, mask_of(store, version, split, stem))
    assert rows[0]["scenes"] == ["indoor"]


@pytest.mark.parametrize(
    "kind", ["coco", pytest.param("webdataset", marks=with_torch), "imagefolder"]
)
def test_the_same_version_gives_the_same_bytes(
    kind: task.Format, store: FolderStore, version: Version, tmp_path: Path
) -> None:
    one, other = (export_version(store, version, kind, tmp_path / name) for name in "ab")
    assert files(one.folder) == files(other.folder)
    assert one.n_files == len(files(one.folder))


def test_a_damaged_version_leaves_nothing_behind(
    store: FolderStore, version: Version, tmp_path: Path
) -> None:
    key = f"{version.prefix}img_dir/val/cafe-b.jpg"
    store.delete([key])
    with pytest.raises(ArtifactError, match=r"img_dir/val/cafe-b\.jpg of .* is missing"):
        export_version(store, version, "coco", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_what_lies_there_is_not_touched(
    store: FolderStore, version: Version, tmp_path: Path
) -> None:
    first = export_version(store, version, "coco", tmp_path)
    with pytest.raises(InputError, match="exists already"):
        export_version(store, version, "coco", tmp_path)
    assert files(first.folder)


def test_a_missing_library_is_named(
    store: FolderStore, version: Version, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"needs webdataset: .*matteflow\[export\]"):
        export_version(store, version, "webdataset", tmp_path)


def test_the_command_says_where_the_export_lies(
    store: FolderStore, version: Version, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = (tmp_path / "store").as_uri()
    with pytest.raises(SystemExit) as end:
        main(["export", NAME, "--format", "coco", "--to", str(tmp_path), "--store", address])
    assert end.value.code == 0
    wanted = Exported(tmp_path / f"{NAME}-v1-coco", 5)
    assert f"is in {wanted.folder}: {wanted.n_files} files." in capsys.readouterr().out
