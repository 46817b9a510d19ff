"""What the version that a new one is built upon says: sides, samples, files, history."""

from collections.abc import Mapping
from typing import NamedTuple

from tasks.common.recipe.publish import Side

CHANGELOG = "CHANGELOG.md"
SIDES = "sides.json"
SAMPLES = "samples.csv"
# These tell what came before; everything else depends on what is published alone.
HISTORY = (CHANGELOG, SIDES)


class PastSample(NamedTuple):
    """A published sample: side, scenes, digests of image and mask, who annotated it."""

    split: Side
    scenes: tuple[str, ...]
    image_digest: str
    mask_digest: str
    channel: str


class Past(NamedTuple):
    """An earlier version: its label and tree, on which side each key is, its samples and files."""

    label: str
    tree: str
    sides: Mapping[str, Side]
    samples: Mapping[str, PastSample]
    files: Mapping[str, str]
    changelog: str


NO_PAST = Past("", "", {}, {}, {}, "")
