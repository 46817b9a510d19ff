"""The layout of a published tree: the path grammar, file names, the table of files.

{img_dir,ann_dir}/<split>/<stem>.{jpg,png}   image and annotation of a sample
split_dir/<name>.txt                         the stems of a split, or of a scene in a split
MANIFEST.sha256                              the sha256 of every other file
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from tasks.common.schema.provenance import Provenance

Split = Literal["train", "val"]
SPLITS: tuple[Split, ...] = get_args(Split)

MANIFEST = "MANIFEST.sha256"
CARD = "README.md"
TRAINING_CONFIG = "mmseg_config.py"
SAMPLE_TABLE = "samples.csv"
METADATA = "dataset.json"
GROUPS = "groups.json"
REPORT = "report.html"
REVIEW_LIST = "review.csv"
CHANGELOG = "CHANGELOG.md"
SPLIT_ASSIGNMENT = "splits.json"
OLD_SPLIT_ASSIGNMENT = "sides.json"  # its name in versions that dataset programs up to 6 made
# These files repeat earlier versions; every other file depends on the published samples alone.
# Both names count, so that a version with the old one compares equal where only the name differs.
HISTORY = (CHANGELOG, SPLIT_ASSIGNMENT, OLD_SPLIT_ASSIGNMENT)

# The codes of an annotation; `IGNORE` is mmsegmentation's default for "leave this pixel out".
BACKGROUND, PERSON, IGNORE = 0, 1, 255

IMAGES = "img_dir/"
ANNOTATIONS = "ann_dir/"
SPLIT_FILES = "split_dir/"


class SamplePaths(NamedTuple):
    """The paths of the two files of a sample in a tree."""

    image: str
    mask: str


def sample_paths(split: str, stem: str) -> SamplePaths:
    """Return the paths of a sample's image and annotation in a tree."""
    return SamplePaths(f"{IMAGES}{split}/{stem}.jpg", f"{ANNOTATIONS}{split}/{stem}.png")


def parse_image(name: str) -> tuple[str, str] | None:
    """Return split and stem of an image by its path; None for every other file."""
    if not name.startswith(IMAGES):
        return None
    split, _, file = name.removeprefix(IMAGES).partition("/")
    return split, file.rpartition(".")[0]


def is_of_sample(name: str) -> bool:
    """Say whether a file is an image or an annotation."""
    return name.startswith((IMAGES, ANNOTATIONS))


def split_file(split: str, scene: str | None = None) -> str:
    """Return the path of the split file of a split, or of one scene in it."""
    return f"{SPLIT_FILES}{split if scene is None else f'{scene}-{split}'}.txt"


def read_manifest(data: bytes) -> dict[str, str]:
    """Return the sha256 in a manifest by file name; of a truncated one, the complete part."""
    lines = (line.partition("  ") for line in data.decode(errors="replace").splitlines())
    return {name: digest for digest, _, name in lines}


def encode_manifest(digests: Mapping[str, str]) -> bytes:
    """Return a manifest as `sha256sum --check` reads it, in the order of the names."""
    return "".join(f"{digests[name]}  {name}\n" for name in sorted(digests)).encode()


_UNKNOWN = Provenance()


@dataclass(frozen=True)
class TreeFile:
    """A file of a tree; the table of these rows outlives the tree's files in a store.

    The fields after `size_bytes` are set for images and annotations only.
    """

    name: str  # path inside the subset's folder
    path: str | None  # in the workspace where it was built; None as read from a store
    digest: str
    md5: str | None  # what most stores call the ETag, so a listing shows a replaced file
    size_bytes: int
    split: str | None = None
    scenes: tuple[str, ...] | None = None
    source_id: str | None = None
    licence: str | None = None
    channel: str | None = None  # who annotated: a model, or people by way of a data set
    provenance: Provenance = _UNKNOWN


def digests_of(files: Iterable[TreeFile]) -> dict[str, str]:
    """Return the sha256 of each file by its name."""
    return {file.name: file.digest for file in files}
