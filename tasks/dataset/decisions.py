"""Decisions of curators in what is published: samples, counts, and why a sample came or went."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tasks.common.schema.decided import DECISION
from tasks.common.schema.decisions import Decision
from tasks.common.schema.rows import JudgedCrop, RunCrop
from tasks.common.schema.rulings import place_decisions
from tasks.common.schema.sample import SampleRow

_SEPARATOR = ";"


def place_scenes(
    crops: Iterable[RunCrop], decisions: Sequence[Decision]
) -> dict[str, tuple[Decision, ...]]:
    """Return the decisions about scenes by stem: those on the whole media, then the crop's own."""
    media_ids = {decision.media_id for decision in decisions}
    rows = [crop.crop for crop in crops if crop.crop.media_id in media_ids]
    return {
        stem: tuple(sorted(of_crop.ruling.scenes, key=lambda edit: edit.place is not None))
        for stem, of_crop in place_decisions(rows, {}, decisions).items()
    }


def with_decisions(row: SampleRow, verdict: JudgedCrop, scenes: Sequence[Decision]) -> SampleRow:
    """Return a sample with the actions that curators decided on, and their names."""
    decided = verdict.decided
    actions = [(decided.action, decided.by)] if decided and decided.action else []
    if decided and decided.good_mask_by:
        actions.append(("good_mask", decided.good_mask_by))
    actions += [("scene", edit.author) for edit in scenes]
    if not actions:
        return row
    words, authors = (dict.fromkeys(column) for column in zip(*actions, strict=True))
    return replace(row, decision=_SEPARATOR.join(words), decided_by=_SEPARATOR.join(authors))


def has_decided_scenes(row: SampleRow) -> bool:
    """Say whether a curator assigned scenes of a published sample."""
    return "scene" in (row.decision or "").split(_SEPARATOR)


def count_decisions(
    rows: Iterable[SampleRow], crops: Iterable[RunCrop], unknown_scenes: Sequence[str]
) -> dict[str, Any]:
    """Return the part of `dataset.json` about decisions; nothing where nobody decided anything."""
    # Of samples, what is published; of other crops, what a decision kept away.
    words = Counter(word for row in rows for word in (row.decision or "").split(_SEPARATOR))
    away = Counter(crop.verdict.verdict for crop in crops if crop.verdict.reason == DECISION)
    counts = {
        "kept": words["keep"],
        "dropped": away["drop"],
        "for_review": away["review"],
        "good_masks": words["good_mask"],
        "scenes": words["scene"],
    }
    if not any(counts.values()) and not unknown_scenes:
        return {}
    return {"decisions": counts | {"unknown_scenes": list(unknown_scenes)}}


def why_decided(verdict: JudgedCrop, words: Mapping[str, str]) -> str | None:
    """Return that a curator's decision brought a crop in or kept it away, and why.

    None where it was not a decision.
    """
    decided = verdict.decided
    if decided is None or verdict.reason != DECISION:
        return None
    why = words["decided_why"].format(why=decided.why) if decided.why else ""
    return words[f"decided_{verdict.verdict}"].format(why=why)
