"""What distinguishes two versions, sample by sample."""

from typing import Any, NamedTuple

from tasks.common.errors import InputError
from tasks.common.schema.sample import KINDS, ChangeKind, Sample, changes_between, samples_in
from tasks.publish.records import Commit
from tasks.publish.registry import VersionRegistry


class Difference(NamedTuple):
    """A sample that differs; `before` or `after` is None where that version does not have it."""

    stem: str
    before: Sample | None
    after: Sample | None
    kinds: tuple[ChangeKind, ...]

    def describe(self) -> str:
        """Return what changed, as a phrase."""
        if self.before is None or self.after is None:
            # Both are never None: a stem is in at least one of the versions.
            sample = self.after or self.before
            return f"{', '.join(self.kinds)} ({sample.split if sample else ''})"
        return "; ".join(
            spell_change(kind) + _from_to(kind, self.before, self.after) for kind in self.kinds
        )


def spell_change(kind: ChangeKind) -> str:
    """Return a kind of change as people read it, such as `mask changed`."""
    return kind.replace("_", " ")


def _from_to(kind: ChangeKind, before: Sample, after: Sample) -> str:
    """Return the old and the new value where they are words; images and masks have none."""
    if kind == "split_changed":
        return f" from {before.split} to {after.split}"
    if kind == "scenes_changed":
        old, new = (", ".join(sample.scenes) or "none" for sample in (before, after))
        return f" from {old} to {new}"
    return ""


class Diff(NamedTuple):
    """Two versions and the samples that differ, by stem; `n_same` are the same in both."""

    before: Commit
    after: Commit
    samples: list[Difference]
    n_same: int

    def of(self, kind: ChangeKind) -> list[Difference]:
        """Return the samples with a kind of change."""
        return [sample for sample in self.samples if kind in sample.kinds]

    # The keys are the interface of `matteflow diff --json`; do not rename them.
    def plain(self) -> dict[str, Any]:
        """Return all of it as JSON values."""
        return {
            "before": self.before.label,
            "after": self.after.label,
            "n_same": self.n_same,
            "counts": {kind: len(self.of(kind)) for kind in KINDS},
            "samples": [
                {
                    "stem": sample.stem,
                    "kinds": list(sample.kinds),
                    "before": _plain(sample.before, self.before),
                    "after": _plain(sample.after, self.after),
                }
                for sample in self.samples
            ],
        }


def _plain(sample: Sample | None, commit: Commit) -> dict[str, Any] | None:
    if sample is None:
        return None
    return {
        "split": sample.split,
        "scenes": sample.scenes,
        "image": commit.prefix + sample.paths.image,
        "mask": commit.prefix + sample.paths.mask,
        "image_digest": sample.image_digest,
        "mask_digest": sample.mask_digest,
    }


def diff_versions(registry: VersionRegistry, before: Commit, after: Commit) -> Diff:
    """Compare two versions by their tables of files; no picture is read.

    Raises:
        InputError: a version's table is gone.
        ArtifactError: a version's table is damaged.
    """
    old, new = _samples(registry, before), _samples(registry, after)
    differences = []
    for stem in sorted(old.keys() | new.keys()):
        # By digests in the tables, which `gc` keeps: a retired version can be compared as well.
        kinds = changes_between(old.get(stem), new.get(stem))
        if kinds:
            differences.append(Difference(stem, old.get(stem), new.get(stem), kinds))
    n_same = len(old.keys() | new.keys()) - len(differences)
    return Diff(before, after, differences, n_same)


def _samples(registry: VersionRegistry, commit: Commit) -> dict[str, Sample]:
    files = registry.files(commit)
    if files is None:
        raise InputError(
            f"{commit.label} cannot be compared: the table of its files is gone from the store. "
            f"`matteflow verify {commit.label}` lists the problems."
        )
    return samples_in(files)
