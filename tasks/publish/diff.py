"""What distinguishes two versions, sample by sample."""

import json
from typing import Any, NamedTuple

from tasks.common.errors import InputError
from tasks.publish.records import Commit
from tasks.publish.registry import Ledger

KINDS = ("added", "removed", "relabelled", "repictured", "moved", "retagged")


class Side(NamedTuple):
    """A sample as one version has it: split, scene tags, keys and digests of picture and mask."""

    split: str
    scenes: tuple[str, ...]
    image: str
    mask: str
    image_digest: str
    mask_digest: str


class Difference(NamedTuple):
    """One sample that is not the same in both versions; a side is None where it is not in it."""

    stem: str
    before: Side | None
    after: Side | None
    kinds: tuple[str, ...]

    def says(self) -> str:
        """Return what changed, for people."""
        words = [kind for kind in self.kinds if kind not in ("moved", "retagged")]
        if self.before and self.after:
            if "moved" in self.kinds:
                words.append(f"moved from {self.before.split} to {self.after.split}")
            if "retagged" in self.kinds:
                old, new = (", ".join(side.scenes) or "none" for side in (self.before, self.after))
                words.append(f"scenes {old} became {new}")
        else:
            side = self.after or self.before
            words = [f"{word} ({side.split})" for word in words if side]
        return "; ".join(words)


class Diff(NamedTuple):
    """Two versions and the samples that differ, by stem; `n_same` are the same in both."""

    before: Commit
    after: Commit
    samples: list[Difference]
    n_same: int

    def of(self, kind: str) -> list[Difference]:
        """Return the samples with a kind of change."""
        return [sample for sample in self.samples if kind in sample.kinds]

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
                    "before": _plain(sample.before),
                    "after": _plain(sample.after),
                }
                for sample in self.samples
            ],
        }


def _plain(side: Side | None) -> dict[str, Any] | None:
    return side._asdict() if side else None


def diff_versions(ledger: Ledger, before: Commit, after: Commit) -> Diff:
    """Compare two versions by their tables of files; no picture is read.

    A sample is relabelled when its mask has other bytes, and repictured when its image has.

    Raises:
        InputError: a version's table is gone.
    """
    old, new = _samples(ledger, before), _samples(ledger, after)
    found = []
    for stem in sorted(old.keys() | new.keys()):
        kinds = _kinds(old.get(stem), new.get(stem))
        if kinds:
            found.append(Difference(stem, old.get(stem), new.get(stem), kinds))
    return Diff(before, after, found, len(old.keys() | new.keys()) - len(found))


def _kinds(old: Side | None, new: Side | None) -> tuple[str, ...]:
    if old is None or new is None:
        return ("added",) if old is None else ("removed",)
    changed = {
        "relabelled": old.mask_digest != new.mask_digest,
        "repictured": old.image_digest != new.image_digest,
        "moved": old.split != new.split,
        "retagged": set(old.scenes) != set(new.scenes),
    }
    return tuple(kind for kind in KINDS if changed.get(kind))


def _samples(ledger: Ledger, commit: Commit) -> dict[str, Side]:
    rows = ledger.files(commit)
    if rows is None:
        raise InputError(
            f"Nobody knows any more what {commit.label} consisted of: its table of files is gone "
            f"from the store. `matteflow verify {commit.label}` tells more."
        )
    files = {row["name"]: row for row in rows}
    found = {}
    for name, row in files.items():
        folder, _, rest = name.partition("/")
        if folder != "img_dir":
            continue
        split, _, file = rest.partition("/")
        stem = file.rpartition(".")[0]
        mask = f"ann_dir/{split}/{stem}.png"
        found[stem] = Side(
            split=split,
            scenes=tuple(json.loads(row["scenes"] or "[]")),
            image=commit.prefix + name,
            mask=commit.prefix + mask,
            image_digest=row["digest"],
            mask_digest=files[mask]["digest"],
        )
    return found
