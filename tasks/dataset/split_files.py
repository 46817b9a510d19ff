"""Split files: one per side, and one per scene and side; never empty, never mixed."""

from collections import Counter
from collections.abc import Iterable, Mapping, Set
from typing import NamedTuple

from tasks.common.recipe.publish import Side
from tasks.dataset.selection import Sample

FOLDER = "split_dir"
_BOM = b"\xef\xbb\xbf"


class SplitList(NamedTuple):
    """The samples of a side, or those of one scene on that side, in order of their stems."""

    side: Side
    scene: str | None
    samples: list[Sample]

    @property
    def name(self) -> str:
        """The list's name, such as `train` or `street-train`."""
        return self.side if self.scene is None else f"{self.scene}-{self.side}"

    @property
    def file(self) -> str:
        """Where it lies in the tree."""
        return f"{FOLDER}/{self.name}.txt"

    def encode(self) -> bytes:
        """Return a stem a line, UTF-8, LF, as mmsegmentation reads it."""
        return "".join(f"{sample.stem}\n" for sample in self.samples).encode()


def split_lists(samples: Iterable[Sample], order: Iterable[str] = ()) -> list[SplitList]:
    """Return `train` and `val`, each followed by its scenes, in the given order, then by name."""
    found: dict[Side, dict[str | None, list[Sample]]] = {"train": {}, "val": {}}
    for sample in sorted(samples, key=lambda sample: sample.stem):
        for scene in dict.fromkeys((None, *sample.scenes)):
            found[sample.split].setdefault(scene, []).append(sample)
    places = {scene: place for place, scene in enumerate(order)}

    def place(scene: str | None) -> tuple[bool, int, str]:
        return scene is not None, places.get(scene or "", len(places)), scene or ""

    return [
        SplitList(side, scene, lists[scene])
        for side, lists in found.items()
        for scene in sorted(lists, key=place)
    ]


def require_loadable(names: Set[str], lists: Mapping[str, bytes]) -> None:
    """Refuse split files and names that mmsegmentation misreads without complaint.

    `names` are all files of the tree, `lists` the bytes of its split files.

    Raises:
        ValueError: the sentence names the file and the reason.
    """
    folded = Counter(name.casefold() for name in names)
    twins = sorted(name for name in names if folded[name.casefold()] > 1)
    if twins:
        raise ValueError(
            f"{twins[0]} and {twins[1]} are one file on disks that do not tell case apart"
        )
    stems = Counter(_stem(name) for name in names if name.startswith("img_dir/"))
    twice = sorted(stem for stem, n in stems.items() if n > 1)
    if twice:
        raise ValueError(f"the stem {twice[0]} is both in train and in val")
    for name, data in sorted(lists.items()):
        fault = _fault(data, names)
        if fault:
            raise ValueError(f"{name}: {fault}")


def _stem(name: str) -> str:
    return name.rpartition("/")[2].rpartition(".")[0]


def _fault(data: bytes, names: Set[str]) -> str:
    """Return what is wrong with a split file, or nothing."""
    if data.startswith(_BOM) or b"\r" in data:
        return "it has a byte order mark or carriage returns, which become part of a stem"
    lines = data.decode().split("\n")
    if lines.pop() != "" or not lines:
        return "it is empty, or its last line does not end"
    counts = Counter(lines)
    odd = [line for line, n in counts.items() if not line.strip() or line != line.strip() or n > 1]
    if odd:
        return f"the line {odd[0]!r} is blank, padded, or there twice"
    sides = Counter(
        side for side in ("train", "val") for line in lines if _pair(line, side) <= names
    )
    if max(sides.values(), default=0) != len(lines):
        return "it names samples of both sides, or samples that are not there"
    return ""


def _pair(stem: str, side: str) -> set[str]:
    return {f"img_dir/{side}/{stem}.jpg", f"ann_dir/{side}/{stem}.png"}
