"""What decisions of curators made of a verdict, beside the verdict that the rules gave."""

from dataclasses import dataclass

from tasks.common.records import Verdict

DECISION = "decision"
"""The reason of a verdict that a curator's decision changed."""


@dataclass(frozen=True)
class Decided:
    """What the decisions of curators made of a verdict, and what the rules had said.

    Without an `action` people only confirmed the mask.
    """

    id: str  # of the decision that judged, else of the one that confirmed the mask
    by: str
    at: str  # ISO 8601, UTC
    action: str | None  # keep, drop, review, bad_mask, needs_person
    why: str | None
    applied_from: str | None  # the decision on the shown crop of its cluster or track
    good_mask_by: str | None
    rule_verdict: Verdict
    rule_reason: str | None

    @property
    def is_kept_for_itself(self) -> bool:
        """Say whether somebody wants this very crop, whatever it resembles."""
        return self.action == "keep" and self.applied_from is None
