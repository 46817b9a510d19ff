"""Which masks are worth an annotator's time, the most useful first."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tasks.annotate.place import place_corrections
from tasks.common.errors import InputError
from tasks.common.recipe.bounds import Bounds, RuleBounds
from tasks.common.schema.rows import RunCrop
from tasks.common.schema.rule_names import MASK_DOUBTS
from tasks.common.similarity.tracks import find_tracks
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.corrections import read_corrections

PICKS = ("review", "uncertain", "all")


class Picked(NamedTuple):
    """A crop to send, its margin to the bounds of the rules that doubt masks, and its track."""

    crop: RunCrop
    margin: float
    track: str
    n_in_track: int
    is_check: bool = False


def pick_crops(
    crops: Sequence[RunCrop],
    bounds: RuleBounds,
    pick: str,
    limit: int | None,
    workspace: Workspace,
) -> list[Picked]:
    """Return the crops that a pick names, in the order in which they help.

    `review` takes the verdicts for review; `uncertain` also kept crops, and those that only a doubt
    about the mask dropped; `all` every crop whose mask may be published; anything else is a file
    with a sample's id on each line. Of each track the least sure mask comes first, before the
    second one of any track: a correction helps its neighbours. Then the least sure masks.

    Raises:
        InputError: the file cannot be read, or names samples that the run has no mask of.
    """
    matted = [crop for crop in crops if crop.matte is not None]
    tracks = find_tracks(crop.crop for crop in matted)
    sizes = Counter(tracks.values())
    chosen = _chosen(matted, pick)
    if pick in PICKS:
        # A mask that a person corrected is done, also if no run has applied the correction yet. A
        # file may name it all the same, for a second opinion.
        done = _corrected(matted, workspace)
        chosen = [crop for crop in chosen if crop.stem not in done]
    picked = [
        Picked(crop, mask_margin(crop, bounds), tracks[crop.stem], sizes[tracks[crop.stem]])
        for crop in chosen
    ]
    return _most_useful_first(picked)[:limit]


def _corrected(crops: Sequence[RunCrop], workspace: Workspace) -> set[str]:
    rows = [crop.crop for crop in crops]
    done: set[str] = set()
    for media_id in sorted({row.media_id for row in rows}):
        done |= place_corrections(rows, read_corrections(workspace, media_id)).by_crop.keys()
    return done


def mask_margin(crop: RunCrop, bounds: RuleBounds) -> float:
    """Return how far inside its bounds a mask is, the least over the rules that doubt masks.

    0 is on the bound, 1 the best value that a rule can give; all these rules measure 0..1. Without
    bounds on any of them the value itself counts.
    """
    margins = []
    for rule in sorted(MASK_DOUBTS):
        value = crop.verdict.measures.get(rule)
        limits = bounds.of(rule) if rule in RuleBounds.model_fields else None
        if value is None:
            continue
        bound = 0.0
        if isinstance(limits, Bounds):
            lower = (limits.review_min, limits.min)
            bound = next((limit for limit in lower if limit is not None), 0.0)
        margins.append((value - bound) / max(1.0 - bound, 0.01))
    return round(min(margins, default=1.0), 4)


def _chosen(crops: Sequence[RunCrop], pick: str) -> list[RunCrop]:
    if pick == "review":
        return [crop for crop in crops if crop.verdict.verdict == "review"]
    if pick == "uncertain":
        return [crop for crop in crops if crop.verdict.verdict != "drop" or _only_doubted(crop)]
    if pick == "all":
        return [crop for crop in crops if crop.verdict.verdict != "drop"]
    return _named(crops, Path(pick))


def _only_doubted(crop: RunCrop) -> bool:
    """Say whether a correct mask could bring a dropped crop back."""
    return bool(crop.verdict.failed_rules) and set(crop.verdict.failed_rules) <= MASK_DOUBTS


def _named(crops: Sequence[RunCrop], file: Path) -> list[RunCrop]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise InputError(
            f"--pick {file}: expected {', '.join(PICKS)} or a file with a sample's id on each "
            f"line, which cannot be read ({error})."
        ) from error
    wanted = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    by_id = {crop.stem: crop for crop in crops}
    missing = [name for name in wanted if name not in by_id]
    if missing:
        raise InputError(
            f"{file} names {len(missing)} samples that this run has no mask of, such as "
            f"{missing[0]}. Ids are in crops.parquet and review.csv beside the report."
        )
    return [by_id[name] for name in dict.fromkeys(wanted)]


def _most_useful_first(picked: list[Picked]) -> list[Picked]:
    least_sure = sorted(picked, key=lambda entry: (entry.margin, entry.crop.stem))
    seen: dict[str, int] = defaultdict(int)
    rounds = []
    for entry in least_sure:
        rounds.append((seen[entry.track], entry.margin, entry.crop.stem, entry))
        seen[entry.track] += 1
    return [entry for *_, entry in sorted(rounds, key=lambda item: item[:3])]
