"""Verdicts on crops about which a curator decided: the decision stands, the rules are overruled."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import Source, Verdict
from tasks.common.schema.decided import DECISION, Decided
from tasks.common.schema.decisions import Decision as CuratorsDecision
from tasks.common.schema.rows import JudgedCrop
from tasks.common.schema.rulings import Ruling
from tasks.filter.corrected import findings_with_people
from tasks.filter.judge import Decision, decide, is_matted, ruled_verdict

_NEAR = "near_duplicate"
_TO = {
    "keep": "to keep it",
    "drop": "to drop it",
    "review": "to have it looked at",
    "bad_mask": "that its mask is bad",
    "needs_person": "that a person has to draw its mask",
}


def settle_by_decisions(
    crops: Sequence[JudgedCrop],
    source: Source,
    bounds: RuleBounds,
    channels: Mapping[str, str | None],
    rulings: Mapping[str, Ruling],
) -> list[JudgedCrop]:
    """Settle the verdicts of rules by decisions; `channels` are annotation sources by crop id."""
    return [
        _settle(crop, source, bounds, channels.get(crop.crop_id), ruling)
        if (ruling := rulings.get(crop.crop_id)) is not None
        else crop
        for crop in crops
    ]


def _settle(
    crop: JudgedCrop, source: Source, bounds: RuleBounds, channel: str | None, ruling: Ruling
) -> JudgedCrop:
    decided = _decided(crop, ruling)
    if decided is None:
        return crop
    crop = replace(crop, decided=decided)
    findings = findings_with_people(crop, source, bounds, channel)
    if crop.is_mask_confirmed:
        # Whoever looked at this very mask has also settled what people disagreed about.
        crop = replace(crop, **decide(findings)._asdict())
    near = [finding for finding in findings if finding.rule == _NEAR and finding.verdict != "keep"]
    if near and decided.action == "keep" and decided.applied_from is not None:
        # The answer was given for another crop of the cluster. It speaks for this one, but of
        # nearly equal crops still one is enough.
        return replace(crop, **decide(near)._asdict())
    return replace(crop, **_by_decision(crop, ruling)._asdict())


def _decided(crop: JudgedCrop, ruling: Ruling) -> Decided | None:
    judged, good = ruling.judgement, ruling.good_mask
    first = judged or good
    if first is None:
        return None
    return Decided(
        id=first.id,
        by=first.author,
        at=first.at.isoformat(),
        action=judged.action if judged else None,
        why=first.reason or None,
        applied_from=first.applied_from,
        good_mask_by=good.author if good else None,
        rule_verdict=crop.verdict,
        rule_reason=crop.reason,
    )


def _by_decision(crop: JudgedCrop, ruling: Ruling) -> Decision:
    """Return the verdict of the decision, with its reason where it differs from the rules."""
    own = Decision(
        crop.verdict, crop.reason, crop.value, crop.bound, crop.sentence, crop.failed_rules
    )
    judgement = ruling.judgement
    verdict = ruled_verdict(ruling, crop.verdict)
    # A drop and a review have the curator's reason, also where a rule says the same.
    if judgement is None or (verdict == crop.verdict and verdict != _own_word(judgement)):
        return own
    if verdict == crop.verdict == "keep":
        return own
    sentence = _sentence(judgement, crop)
    if verdict == "keep" and not is_matted(crop.measures):
        verdict, sentence = "review", f"{sentence} It has no mask yet; the next ingest makes one."
    failed = () if verdict == "keep" else (DECISION, *crop.failed_rules)
    return Decision(verdict, DECISION, None, None, sentence, failed)


def _own_word(judgement: CuratorsDecision) -> Verdict:
    """Return the verdict that a decision asks for by itself."""
    return ruled_verdict(Ruling(judgement), "keep")


def _sentence(judgement: CuratorsDecision, crop: JudgedCrop) -> str:
    """Return who decided what, when and why, and what the rules said."""
    words = f"{judgement.author} decided on {judgement.at:%Y-%m-%d} {_TO[judgement.action]}"
    if judgement.applied_from is not None:
        words += ", for a crop like this one"
    why = f": {judgement.reason.rstrip('.')}." if judgement.reason else "."
    rules = f" The rules: {crop.verdict}, {crop.reason}." if crop.reason else ""
    return words + why + rules
