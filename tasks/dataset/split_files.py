"""Split files: one per split, and one per scene and split; never empty, never mixed."""

from collections import Counter
from collections.abc import Iterable, Mapping, Set
from typing import NamedTuple

from tasks.common.schema.layout import IMAGES, SPLITS, Split, sample_paths, split_file
from tasks.common.schema.sample import SampleRow

_BOM = b"\xef\xbb\xbf"


class SplitFile(NamedTuple):
    """The samples of a split, or those of one scene in that split, in order of their stems."""

    split: Split
    scene: str | None
    rows: list[SampleRow]

    @property
    def name(self) -> str:
        """The file's name without suffix, such as `train` or `street-train`."""
        return self.path.rpartition("/")[2].removesuffix(".txt")

    @property
    def path(self) -> str:
        """Its path in the tree."""
        return split_file(self.split, self.scene)

    def encode(self) -> bytes:
        """Return a stem a line, UTF-8, LF, as mmsegmentation reads it."""
        return "".join(f"{row.stem}\n" for row in self.rows).encode()


def split_files(rows: Iterable[SampleRow], order: Iterable[str] = ()) -> list[SplitFile]:
    """Return `train` and `val`, each followed by its scenes, in the given order, then by name.

    A sample belongs to every scene that it is tagged with, so the files of scenes overlap.
    """
    splits: dict[Split, dict[str | None, list[SampleRow]]] = {split: {} for split in SPLITS}
    for row in sorted(rows, key=lambda row: row.stem):
        # `None` is the split as a whole. A scene that is tagged twice must not give a stem twice.
        for scene in dict.fromkeys((None, *row.scenes)):
            splits[row.split].setdefault(scene, []).append(row)
    rank = {scene: place for place, scene in enumerate(order)}

    def by_rank(scene: str | None) -> tuple[bool, int, str]:
        return scene is not None, rank.get(scene or "", len(rank)), scene or ""

    return [
        SplitFile(split, scene, scenes[scene])
        for split, scenes in splits.items()
        for scene in sorted(scenes, key=by_rank)
    ]


def require_loadable(names: Set[str], contents: Mapping[str, bytes]) -> None:
    """Refuse split files and names that mmsegmentation misreads without an error.

    It takes each line of a split file as a stem, whatever the line holds, and looks the image up
    by it. `names` are all files of the tree, `contents` the bytes of its split files.

    Raises:
        ValueError: the sentence names the file and the reason.
    """
    # Trainers sync versions to macOS and Windows, where one of the two files would replace the
    # other.
    folded = Counter(name.casefold() for name in names)
    clashing = sorted(name for name in names if folded[name.casefold()] > 1)
    if clashing:
        raise ValueError(f"{clashing[0]} and {clashing[1]} are one file on disks that ignore case")
    # mmsegmentation finds an image by its stem; `train/a.jpg` and `val/a.jpg` would leak unseen.
    stems = Counter(_stem(name) for name in names if name.startswith(IMAGES))
    twice = sorted(stem for stem, n in stems.items() if n > 1)
    if twice:
        raise ValueError(f"the stem {twice[0]} is both in train and in val")
    for name, data in sorted(contents.items()):
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
    # The pop removes the empty text after the last LF. A last line without one loses its end in
    # tools that count lines, such as `wc` and `while read`.
    if lines.pop() != "" or not lines:
        return "it is empty, or its last line does not end"
    counts = Counter(lines)
    wrong = [
        line for line, n in counts.items() if not line.strip() or line != line.strip() or n > 1
    ]
    if wrong:
        return f"the line {wrong[0]!r} is blank, padded, or repeated"
    # All lines must be in one split: two partial counts, or a file that is not in the tree, fail.
    n_in_split = Counter(
        split for split in SPLITS for line in lines if {*sample_paths(split, line)} <= names
    )
    if max(n_in_split.values(), default=0) != len(lines):
        return "it names samples of both splits, or samples that do not exist"
    return ""
