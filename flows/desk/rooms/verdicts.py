"""The verdict on a crop whose mask people called good."""

from flows.engine.rule_findings import list_findings
from flows.engine.run_record import RunRecord
from tasks.common.records import Verdict
from tasks.common.schema.rows import RunCrop
from tasks.common.schema.rule_names import MASK_DOUBTS

_SEVERITY: tuple[Verdict, ...] = ("keep", "review", "drop")


def settled_verdict(crop: RunCrop, record: RunRecord) -> Verdict:
    """Return the verdict of the rules that ask for something else than whether the mask is right.

    Those that doubt the mask have their answer.
    """
    findings = list_findings(crop, record.sources_by_id[crop.source_id], record.recipe.filter)
    found = [line.verdict for line in findings if line.rule not in MASK_DOUBTS]
    return max((word for word in _SEVERITY if word in found), key=_SEVERITY.index, default="keep")
