"""Laws of comparing: each sample counts once, and the way back says the opposite."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.common.store.folder import FolderStore
from tasks.publish.diff import Diff, diff_versions
from tasks.publish.registry import VersionRegistry
from tests.publish.forge import Shape, put_version

SHAPES = st.builds(
    Shape,
    split=st.sampled_from(["train", "val"]),
    scenes=st.lists(st.sampled_from(["night", "café", "<b>"]), unique=True).map(tuple),
    image=st.sampled_from("xy"),
    mask=st.sampled_from("xy"),
)
VERSIONS = st.dictionaries(st.sampled_from("abcdef"), SHAPES, max_size=6)
MIRRORED = {"added": "removed", "removed": "added"}


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)


def _both_ways(before: dict[str, Shape], after: dict[str, Shape]) -> tuple[Diff, Diff]:
    with TemporaryDirectory() as folder:
        store = FolderStore(Path(folder))
        old, new = put_version(store, 1, before), put_version(store, 2, after)
        registry = VersionRegistry(store)
        return diff_versions(registry, old, new), diff_versions(registry, new, old)


@settings(max_examples=60, deadline=None)
@given(before=VERSIONS, after=VERSIONS)
def test_every_sample_is_the_same_or_named_once(
    before: dict[str, Shape], after: dict[str, Shape]
) -> None:
    diff, _ = _both_ways(before, after)
    stems = [sample.stem for sample in diff.samples]
    assert stems == sorted(set(stems))
    assert diff.n_same + len(stems) == len(before.keys() | after.keys())
    unlike = {
        stem
        for stem in before.keys() | after.keys()
        if before.get(stem) != after.get(stem)
        and not (
            stem in before
            and stem in after
            and before[stem]._replace(scenes=()) == after[stem]._replace(scenes=())
            and set(before[stem].scenes) == set(after[stem].scenes)
        )
    }
    assert set(stems) == unlike


@settings(max_examples=60, deadline=None)
@given(before=VERSIONS, after=VERSIONS)
def test_the_way_back_is_the_mirror_image(
    before: dict[str, Shape], after: dict[str, Shape]
) -> None:
    there, back = _both_ways(before, after)
    assert (back.before, back.after, back.n_same) == (there.after, there.before, there.n_same)
    assert [
        (sample.stem, sample.after, sample.before,
         tuple(MIRRORED.get(kind, kind) for kind in sample.kinds))
        for sample in back.samples
    ] == [tuple(sample) for sample in there.samples]  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(before=VERSIONS, after=VERSIONS)
def test_what_is_said_in_json_adds_up(before: dict[str, Shape], after: dict[str, Shape]) -> None:
    diff, _ = _both_ways(before, after)
    told = json.loads(json.dumps(diff.plain()))
    kinds = [kind for sample in told["samples"] for kind in sample["kinds"]]
    assert {kind: kinds.count(kind) for kind in told["counts"]} == told["counts"]
    assert told["counts"]["added"] == len(after.keys() - before.keys())
    assert told["counts"]["removed"] == len(before.keys() - after.keys())
    assert all(sample.describe() for sample in diff.samples)
