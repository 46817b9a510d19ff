"""Whatever is published, retired, undone, killed and collected when: no living version suffers."""

from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tasks.common.errors import InputError, WorldError
from tasks.common.store.folder import FolderStore
from tasks.common.workspace.artifacts import Workspace
from tasks.publish.channels import point_channel
from tasks.publish.gc import collect
from tasks.publish.registry import VersionRegistry
from tasks.publish.retire import restore_version, retire_version
from tasks.publish.verify import verify_version
from tests.dataset.trees import NAME, NOW, push_samples
from tests.publish.wrappers import DiesAt, Killed

CONTENTS = ("a", "ab", "bc")
GRACE = timedelta(days=7)
WHICH = st.integers(0, 2)
STEPS = st.one_of(
    st.tuples(st.sampled_from(["push", "revive", "abandon", "retire", "undo", "point"]), WHICH),
    st.tuples(st.just("collect"), st.just(99)),
    st.tuples(st.just("collect"), st.integers(0, 6)),  # killed at this deletion
    st.tuples(st.just("wait"), st.integers(1, 8)),
)
LIFE = [("push", 0), ("push", 1), ("retire", 0), ("collect", 99), ("wait", 8), ("collect", 2)]


class _Store:
    """A folder store with a clock, and what people do to it."""

    def __init__(self, root: Path, workspace: Workspace):
        self.folder, self.workspace = FolderStore(root), workspace
        self.now: datetime = NOW
        self.registry = VersionRegistry(self.folder)
        self.n_committed = 0

    def do(self, action: str, number: int) -> None:
        """Do one step; what is refused or killed must have done no harm."""
        try:
            getattr(self, action)(number)
        except (InputError, WorldError, Killed):
            return

    def push(self, number: int) -> None:
        push_samples(self.workspace, self.folder, *CONTENTS[number], now=self.now)

    def revive(self, number: int) -> None:
        push_samples(self.workspace, self.folder, *CONTENTS[number], now=self.now, revive=True)

    def abandon(self, number: int) -> None:
        store: Any = DiesAt(self.folder, "versions/")
        push_samples(self.workspace, store, *CONTENTS[number], now=self.now, revive=True)

    def retire(self, number: int) -> None:
        commit = self.registry.resolve(f"{NAME}@{number + 1}")
        retire_version(self.registry, commit, "dark", self.now)

    def undo(self, number: int) -> None:
        restore_version(self.registry, self.registry.resolve(f"{NAME}@{number + 1}"), self.now)

    def point(self, number: int) -> None:
        point_channel(self.registry, self.registry.resolve(f"{NAME}@{number + 1}"))

    def collect(self, n_deletions: int) -> None:
        registry = VersionRegistry(DiesAt(self.folder, n_deletions=n_deletions))
        list(collect(registry, self.now, grace=GRACE, delete=True))

    def wait(self, n_days: int) -> None:
        self.now = self.now + timedelta(days=n_days)

    def require_law(self) -> None:
        """Every version keeps record and table, and unless retired every byte."""
        numbers = self.registry.numbers(NAME)
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) >= self.n_committed
        self.n_committed = len(numbers)
        retired = self.registry.retired_numbers(NAME)
        for commit in self.registry.commits(NAME):
            rows = self.registry.files(commit)
            assert rows is not None
            assert len(rows) == commit.n_files
            if commit.version not in retired:
                assert list(verify_version(self.registry, commit, deep=True)) == []


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(STEPS, max_size=14))
@example(steps=[*LIFE, ("revive", 0), ("collect", 99), ("revive", 0)])
@example(steps=[*LIFE, ("undo", 0), ("collect", 99), ("undo", 0)])
@example(steps=[("abandon", 0), ("collect", 99), ("wait", 6), ("push", 0), ("wait", 2), LIFE[3]])
@example(steps=[*LIFE[:4], ("undo", 0), ("wait", 8), ("collect", 99), ("point", 0)])
def test_versions_that_are_not_retired_stay_whole_whatever_happens(
    steps: list[tuple[str, int]], workspace: Workspace
) -> None:
    with TemporaryDirectory() as folder:
        store = _Store(Path(folder) / "store", workspace)
        for action, number in steps:
            store.do(action, number)
            store.require_law()


@settings(max_examples=20, deadline=None)
@given(steps=st.lists(STEPS, max_size=10))
def test_two_collections_a_grace_apart_leave_nothing_but_what_is_needed(
    steps: list[tuple[str, int]], workspace: Workspace
) -> None:
    with TemporaryDirectory() as folder:
        store = _Store(Path(folder) / "store", workspace)
        for action, number in [*steps, ("collect", 99), ("wait", 8), ("collect", 99)]:
            store.do(action, number)
        retired = store.registry.retired_numbers(NAME)
        commits = store.registry.commits(NAME)
        needed = {commit.tree for commit in commits if commit.version not in retired}
        assert set(store.folder.list_folders("trees/")) == needed
        assert store.folder.list_objects("gc/") == {}
        assert {*store.folder.list_objects("manifests/")} == {
            f"manifests/{commit.tree}.parquet" for commit in commits
        }
