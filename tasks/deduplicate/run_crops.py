"""What the sources of a run gave, judged as one: nothing twice, whichever source it is from."""

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from tasks.common.errors import ArtifactError
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import Drop, Source, SourceOutcome, StageResult, Verdict
from tasks.common.schema.columns import decode_row
from tasks.common.schema.rows import JudgedCrop
from tasks.common.schema.tables import VERDICTS, plain_rows
from tasks.common.workspace.artifacts import Workspace
from tasks.deduplicate.near_duplicates import NearDuplicate, find_near_duplicates

Row = dict[str, Any]


class Judged(NamedTuple):
    """One crop with everything that the stages found out about it."""

    source: Source
    crop: Row
    matte: Row | None
    verdict: Row

    @property
    def stem(self) -> str:
        """The name of image and mask without suffix: media, time, number of the person."""
        return str(self.crop["crop_id"])

    @property
    def box_in_crop(self) -> tuple[int, int, int, int] | None:
        """What is published of the crop, in whole px of the crop."""
        return tuple(json.loads(self.matte["tight_box_xyxy"])) if self.matte else None


class _Verdict(NamedTuple):
    source_id: str
    verdict: JudgedCrop


class Subset:
    """The crops of all sources that came through, once each, with their last verdicts.

    Two sources with the same bytes have the same crops; the first in the list gives its name and
    its verdict. A kept crop that nearly repeats a better kept one is dropped or set aside.
    `verdicts`, by source, stand in for those that the run stored. Crops in `unmatted` displace
    nobody, since it is not known yet whether they will be kept.
    """

    def __init__(
        self,
        outcomes: Sequence[SourceOutcome],
        workspace: Workspace,
        bounds: RuleBounds,
        verdicts: Mapping[str, Sequence[Row]] | None = None,
        unmatted: Container[str] = (),
    ):
        self.outcomes = tuple(outcomes)
        self.workspace = workspace
        self.bounds = bounds
        self._verdicts = verdicts
        self._unmatted = unmatted

    def crops(self, verdict: Verdict | None = None) -> Iterator[Judged]:
        """Yield the crops in the order of the sources, by verdict if one is given."""
        for outcome, rows in self._first_come():
            detect, matte = outcome.result("detect"), outcome.result("matte")
            if detect is None or matte is None:
                continue
            crops = {row["crop_id"]: row for row in plain_rows(self.workspace.items(detect))}
            mattes = {row["crop_id"]: row for row in plain_rows(self.workspace.items(matte))}
            for row in rows:
                judged = self._last_word(row)
                if verdict in (None, judged["verdict"]):
                    crop_id = row["crop_id"]
                    yield Judged(outcome.source, crops[crop_id], mattes.get(crop_id), judged)

    def verdicts(self) -> Iterator[tuple[Source, Row]]:
        """Yield the last verdict on each crop, with its source; quicker than whole crops."""
        for outcome, rows in self._first_come():
            yield from ((outcome.source, self._last_word(row)) for row in rows)

    def drops(self) -> Iterator[tuple[Source, Drop]]:
        """Yield a drop for each crop that is out only because another source has it too."""
        first_of: dict[str, Source] = {}
        for outcome, rows in self.judged:
            for row in rows:
                crop_id, told = row["crop_id"], self._last_word(row)
                first = first_of.setdefault(crop_id, outcome.source)
                if row["verdict"] == "drop":
                    continue
                if first is not outcome.source:
                    said = f"The same bytes came as {first.source_id}, whose crop counts."
                    told = {"reason": "same_media", "sentence": said}
                elif told["verdict"] != "drop":
                    continue
                yield outcome.source, _drop(crop_id, told)

    def repeated_sources(self) -> dict[str, str]:
        """Name the sources whose every crop came before, each with the source that had it first."""
        first_of: dict[str, str] = {}
        repeated = {}
        for outcome, rows in self.judged:
            own = outcome.source.source_id
            firsts = {first_of.setdefault(row["crop_id"], own) for row in rows}
            if firsts and own not in firsts:
                repeated[own] = min(firsts)
        return repeated

    def repeated_pairs(self) -> set[tuple[str, str]]:
        """Name the pairs of sources of which a crop is out because one of the other is better."""
        return {
            (source.source_id, self._repeats[row["crop_id"]].better_source)
            for source, row in self.verdicts()
            if row["crop_id"] in self._repeats
            and self._repeats[row["crop_id"]].better_source != source.source_id
        }

    @cached_property
    def judged(self) -> list[tuple[SourceOutcome, Sequence[Row]]]:
        """The sources that came through with the verdicts on each by itself; read once."""
        stored = self._verdicts or {}
        finals = ((outcome, outcome.result("filter")) for outcome in self.outcomes)
        return [
            (outcome, stored.get(outcome.source.source_id) or self._stored(final))
            for outcome, final in finals
            if final is not None
        ]

    def _stored(self, final: StageResult) -> list[Row]:
        table = self.workspace.items(final)
        missing = sorted(set(VERDICTS) - set(map(str, table.columns)))
        if missing:
            raise ArtifactError(
                "The run's verdicts were made by an older version and lack "
                f"{', '.join(missing[:3])}. Run the same ingest again: what is still right is "
                "found again."
            )
        return plain_rows(table)

    def _first_come(self) -> Iterator[tuple[SourceOutcome, list[Row]]]:
        seen: set[str] = set()
        for outcome, rows in self.judged:
            fresh = [row for row in rows if row["crop_id"] not in seen]
            seen.update(row["crop_id"] for row in fresh)
            yield outcome, fresh

    @cached_property
    def _repeats(self) -> dict[str, NearDuplicate]:
        known = [
            _Verdict(
                outcome.source.source_id, decode_row(JudgedCrop, dict.fromkeys(VERDICTS) | row)
            )
            for outcome, rows in self._first_come()
            for row in rows
            if row["crop_id"] not in self._unmatted
        ]
        return find_near_duplicates(known, self.bounds.near_duplicate)

    def _last_word(self, row: Row) -> Row:
        repeat = self._repeats.get(row["crop_id"])
        if repeat is None:
            return row
        said = (
            f"A better crop differs in {repeat.distance} of 64 bits only; the bound is "
            f"{repeat.bound:.0f}. It is {repeat.better_crop} of {repeat.better_source}."
        )
        failed = json.dumps([*json.loads(row["failed_rules"]), "near_duplicate"])
        return row | {
            "verdict": repeat.verdict,
            "reason": "near_duplicate",
            "value": float(repeat.distance),
            "bound": repeat.bound,
            "sentence": said,
            "failed_rules": failed,
            "near_duplicate": float(repeat.distance),
            "nearest_crop": repeat.better_crop,
        }


def _drop(crop_id: str, told: Row) -> Drop:
    said = {name: told.get(name) for name in ("reason", "value", "bound", "sentence")}
    return Drop.model_validate({"item": crop_id, "stage": "publish", **said})
