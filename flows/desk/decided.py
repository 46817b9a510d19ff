"""People's decisions as columns beside the crops: what counts after rules and people."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from flows.desk.columns import VERDICTS, CropColumns, Flags
from flows.desk.view import Opinion
from tasks.common.records import Verdict

Opined = Literal["", "good", "bad", "person"]
"""What somebody said of a mask; `person`: a person has to correct it."""
_MASKS: tuple[Opined, ...] = ("", "good", "bad", "person")


class Mark(NamedTuple):
    """What people decided on a crop last: of the crop, and of its mask.

    `settled` is the verdict that follows, where it is another than that of the rules: a mask that
    people call good settles what rules doubt about it.
    """

    verdict: Verdict | None
    settled: Verdict | None
    reason: str
    mask: Opined
    author: str
    at: datetime
    is_applied: bool  # it was given to another crop of the track or cluster


class Decided:
    """The decisions on the crops of some columns; N rows as there. `revision` names their state."""

    def __init__(self, index: CropColumns):
        n = len(index)
        self.revision = 0
        self.marks: dict[str, Mark] = {}
        self.own: NDArray[np.int8] = np.full(n, -1, np.int8)
        self.mask: NDArray[np.int8] = np.zeros(n, np.int8)
        self.is_applied: Flags = np.zeros(n, bool)
        self.order: NDArray[np.float64] = np.full(n, np.nan)
        self._index = index

    @property
    def final(self) -> NDArray[np.int8]:
        """The verdict of each crop after rules and people, as a position in `VERDICTS`."""
        codes: NDArray[np.int8] = np.where(self.own >= 0, self.own, self._index.verdict)
        return codes

    def changed(self, marks: Mapping[str, Mark | None]) -> Self:
        """Return these decisions with some crops' marks replaced; None removes a mark."""
        new = type(self)(self._index)
        new.revision = self.revision + 1
        together = {**self.marks, **marks}
        new.marks = {crop_id: mark for crop_id, mark in together.items() if mark is not None}
        for name in ("own", "mask", "is_applied", "order"):
            setattr(new, name, getattr(self, name).copy())
        for crop_id, mark in marks.items():
            row = self._index.row_of.get(crop_id)
            if row is not None:  # else of another run
                new._set(row, mark)
        return new

    def _set(self, row: int, mark: Mark | None) -> None:
        verdict = mark.settled if mark else None
        self.own[row] = -1 if verdict is None else VERDICTS.index(verdict)
        self.mask[row] = _MASKS.index(mark.mask) if mark else 0
        self.is_applied[row] = mark is not None and mark.is_applied
        self.order[row] = mark.at.timestamp() if mark else np.nan

    @property
    def is_decided(self) -> Flags:
        """Say of each row whether somebody decided anything on it."""
        flags: Flags = (self.own >= 0) | (self.mask > 0)
        return flags

    def flags(self, opinion: Opinion) -> Flags:
        """Say of each row whether it has this state of decision."""
        match opinion:
            case "open":
                return ~self.is_decided
            case "decided":
                return self.is_decided
            case "applied":
                return self.is_applied
            case "good" | "bad" | "person":
                flags: Flags = self.mask == _MASKS.index(opinion)
                return flags
        return np.ones(len(self.own), bool)
