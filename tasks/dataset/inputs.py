"""What a tree is made of: the sources and crops of a run, and the reports of other rooms."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tasks.common.records import Source
from tasks.common.schema.decisions import Decision
from tasks.common.schema.run_crops import RunCrops


class DropCount(NamedTuple):
    """How many items a stage dropped for one reason, with one sentence as an example."""

    stage: str
    reason: str
    n: int
    example: str


@dataclass(frozen=True)
class DatasetInputs:
    """One run, as the rooms before this one left it.

    Sources that failed count for the groups: a key that only they have in common with two others
    ties those two together. All other fields describe completed sources only.
    """

    sources: tuple[Source, ...]
    completed: tuple[Source, ...]
    media_ids: Mapping[str, str]  # sha256 of the bytes of each completed source, by its id
    run: RunCrops
    drop_counts: tuple[DropCount, ...]  # of all stages before this one
    report: bytes  # HTML
    review_list: bytes  # CSV
    # What curators decided about scenes, in order, by stem.
    scene_decisions: Mapping[str, tuple[Decision, ...]] = field(default_factory=dict)
