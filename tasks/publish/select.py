"""Which crops are published, under which stem, on which side of the split."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

from tasks.common.artifacts import Workspace
from tasks.common.errors import InputError
from tasks.common.recipe import PublishRecipe
from tasks.common.records import Drop, Source, SourceOutcome, Verdict
from tasks.common.tables import plain_rows

Split = Literal["train", "val"]
_HASH_RANGE = float(1 << 64)


class Judged(NamedTuple):
    """One crop with everything that the stages found out about it."""

    source: Source
    crop: dict[str, Any]
    matte: dict[str, Any] | None
    verdict: dict[str, Any]

    @property
    def stem(self) -> str:
        """The name of image and mask without suffix: media, time, number of the person."""
        return str(self.crop["crop_id"])

    @property
    def box_in_crop(self) -> tuple[int, int, int, int] | None:
        """What is published of the crop, in whole px of the crop."""
        return tuple(json.loads(self.matte["tight_box_xyxy"])) if self.matte else None


class Sample(NamedTuple):
    """A crop that is published, and its side of the split."""

    judged: Judged
    split: Split


def judged_crops(
    outcomes: Iterable[SourceOutcome], workspace: Workspace, verdict: Verdict | None = None
) -> Iterator[Judged]:
    """Yield the crops of all sources that came through, once each, by verdict if one is given.

    Two sources with the same bytes have the same crops; the first in the list gives its name and
    its verdict.
    """
    seen: set[str] = set()
    for outcome in outcomes:
        detect, matte, final = (outcome.result(s) for s in ("detect", "matte", "filter"))
        if detect is None or matte is None or final is None:
            continue
        crops = {row["crop_id"]: row for row in plain_rows(workspace.items(detect))}
        mattes = {row["crop_id"]: row for row in plain_rows(workspace.items(matte))}
        for row in plain_rows(workspace.items(final)):
            crop_id = row["crop_id"]
            if crop_id in seen:
                continue  # `repeated_crops` tells of it
            seen.add(crop_id)
            if verdict in (None, row["verdict"]):
                yield Judged(outcome.source, crops[crop_id], mattes.get(crop_id), row)


def repeated_crops(
    outcomes: Iterable[SourceOutcome], workspace: Workspace
) -> Iterator[tuple[Source, Drop]]:
    """Yield a drop for each crop of a source whose media are, byte for byte, an earlier one's."""
    first_of: dict[str, Source] = {}
    for outcome in outcomes:
        final = outcome.result("filter")
        verdicts = plain_rows(workspace.items(final)) if final is not None else []
        for row in verdicts:
            first = first_of.setdefault(row["crop_id"], outcome.source)
            if first is not outcome.source and row["verdict"] != "drop":
                said = f"The same bytes came as {first.source_id}, whose crop counts."
                yield (
                    outcome.source,
                    Drop(item=row["crop_id"], stage="publish", reason="same_media", sentence=said),
                )


def choose_samples(
    outcomes: Sequence[SourceOutcome], workspace: Workspace, recipe: PublishRecipe
) -> list[Sample]:
    """Return the kept crops in order of their stems, each on its side of the split.

    Raises:
        InputError: the recipe pins two sources of one group to different sides.
    """
    kept = sorted(judged_crops(outcomes, workspace, "keep"), key=lambda judged: judged.stem)
    pins = pinned_groups({outcome.source for outcome in outcomes}, recipe)
    return [Sample(judged, split_of(judged.source, pins, recipe.val_share)) for judged in kept]


def group_of(source: Source) -> str:
    """Name the group that must not be torn apart: all sources of an uploader, else the source."""
    return f"uploader {source.uploader}" if source.uploader else f"source {source.source_id}"


def split_of(source: Source, pins: dict[str, Split], val_share: float) -> Split:
    """Return the side of a source: pinned, else by a hash of its group.

    The hash depends on the group alone, so sources that come later move nobody.
    """
    group = group_of(source)
    if group in pins:
        return pins[group]
    place = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8]) / _HASH_RANGE
    return "val" if place < val_share else "train"


def pinned_groups(sources: Iterable[Source], recipe: PublishRecipe) -> dict[str, Split]:
    """Return the side of each group that the recipe pins.

    Raises:
        InputError: it pins two sources of one group to different sides.
    """
    pins: dict[str, Split] = {}
    for source in sorted(sources, key=lambda source: source.source_id):
        side = recipe.pin.get(source.source_id)
        group = group_of(source)
        if side is not None and pins.setdefault(group, side) != side:
            raise InputError(
                f"publish.pin puts sources of one group ({group}) on both sides; pin them all to "
                f"the same side, or leave {source.source_id} out."
            )
    return pins
