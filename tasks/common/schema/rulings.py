"""What decisions come to: which are in force, on which crop of a run, and what they rule."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tasks.common.schema.channels import is_human
from tasks.common.schema.decisions import MASK_ACTIONS, VERDICT_ACTIONS, Decision
from tasks.common.schema.placement import CropIndex
from tasks.common.schema.rows import Crop, Matte


def in_force(decisions: Iterable[Decision]) -> list[Decision]:
    """Return the decisions that are not undone, oldest first, each once and without the undos."""
    ordered = sorted({each.id: each for each in decisions}.values(), key=lambda each: each.order)
    undone: set[str] = set()
    standing = []
    # Newest first: an undo counts unless a later one undoes it.
    for decision in reversed(ordered):
        if decision.id in undone:
            continue
        if decision.undoes is not None:
            undone.add(decision.undoes)
        else:
            standing.append(decision)
    return standing[::-1]


class MaskShown(NamedTuple):
    """The mask that a crop has now: sha256 of its bytes, and its annotation source."""

    digest: str
    channel: str | None


class Ruling(NamedTuple):
    """What the decisions on one crop come to.

    `judgement` replaces the verdict of the rules: keep, drop, review, or a mask that is bad or
    needs a person. `good_mask` confirms the crop's present mask. `scenes` are in order.
    """

    judgement: Decision | None = None
    good_mask: Decision | None = None
    scenes: tuple[Decision, ...] = ()

    @property
    def deciding(self) -> tuple[Decision, ...]:
        """The decisions that changed or confirmed something, each once."""
        chosen = [self.judgement, self.good_mask, *self.scenes]
        return tuple(dict.fromkeys(each for each in chosen if each is not None))


NO_RULING = Ruling()


def rule_on(standing: Sequence[Decision], mask: MaskShown | None) -> Ruling:
    """Return what the decisions in force on a crop come to; `standing` is oldest first.

    The last verdict counts. A word on the mask replaces earlier words on the mask: a good mask
    takes back a bad one, and then the verdict before it counts again. A good mask is good as long
    as the crop has that very mask. A bad mask, or one that needs a person, is answered by another
    mask that a person drew.
    """
    word = next((each for each in reversed(standing) if each.action in MASK_ACTIONS), None)
    judgements = [
        each
        for each in standing
        if each.action in VERDICT_ACTIONS
        or (each is word and each.action != "good_mask" and not _is_answered(each, mask))
    ]
    is_good = word is not None and word.action == "good_mask" and _is_shown(word, mask)
    return Ruling(
        judgement=judgements[-1] if judgements else None,
        good_mask=word if is_good else None,
        scenes=tuple(each for each in standing if each.action == "scene"),
    )


def _is_shown(word: Decision, mask: MaskShown | None) -> bool:
    return mask is not None and word.place is not None and word.place.mask_digest == mask.digest


def _is_answered(word: Decision, mask: MaskShown | None) -> bool:
    return mask is not None and is_human(mask.channel) and not _is_shown(word, mask)


class CropDecisions(NamedTuple):
    """The decisions on one crop of a run: all lines, oldest first, and what they come to.

    Lines include those on the whole media (scenes), undone ones, and undos.
    """

    lines: tuple[Decision, ...]
    ruling: Ruling


def place_decisions(
    crops: Sequence[Crop], mattes: Mapping[str, Matte], lines: Iterable[Decision]
) -> dict[str, CropDecisions]:
    """Return the decisions on crops by their ids; crops without any are left out.

    A decision of another run belongs to the crop of the same person at the same moment, and one on
    a whole media to each of its crops. `mattes` are by crop id.
    """
    by_crop, by_media = _by_crop(crops, lines)
    decided = {}
    for crop in crops:
        own = [*by_media.get(crop.media_id, ()), *by_crop.get(crop.crop_id, ())]
        if own:
            own.sort(key=lambda line: line.order)
            matte = mattes.get(crop.crop_id)
            mask = MaskShown(matte.mask_digest, matte.channel) if matte else None
            decided[crop.crop_id] = CropDecisions(tuple(own), rule_on(in_force(own), mask))
    return decided


def _by_crop(
    crops: Sequence[Crop], lines: Iterable[Decision]
) -> tuple[dict[str, list[Decision]], dict[str, list[Decision]]]:
    """Return the lines by crop, and those on a whole media by media."""
    index = CropIndex(crops)
    by_crop: dict[str, list[Decision]] = defaultdict(list)
    by_media: dict[str, list[Decision]] = defaultdict(list)
    for line in lines:
        if line.place is None:
            by_media[line.media_id].append(line)
        elif crop := index.find(line.media_id, line.place):
            by_crop[crop.crop_id].append(line)
    return by_crop, by_media
