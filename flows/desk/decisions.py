"""Decides for people: writes what a key said, knows what everybody decided, undoes."""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from threading import Lock

import numpy as np

from flows.desk.columns import CropColumns
from flows.desk.decided import Decided, Mark, Opined
from flows.desk.rooms.verdicts import settled_verdict
from flows.engine.decisions import record
from tasks.common.records import Verdict
from tasks.common.schema.decisions import Action, Decision, decide, undo
from tasks.common.schema.rows import RunCrop
from tasks.common.schema.rulings import MaskShown, Ruling, in_force, place_decisions, rule_on
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.decisions import DecisionLog, read_all_decisions

_VERDICTS: Mapping[Action, Verdict] = {
    "keep": "keep",
    "drop": "drop",
    "review": "review",
    "bad_mask": "review",
    "needs_person": "review",
}
_ON_MASKS: Mapping[Action, Opined] = {
    "good_mask": "good",
    "bad_mask": "bad",
    "needs_person": "person",
}
_KEPT_UNDOS = 500
# Other people's decisions are looked for at most so often, and less often where that takes long.
_LEAST_PAUSE_S = 2.0
_PAUSE_FACTOR = 20.0


class Decisions:
    """The decisions on the crops of a desk, by everybody; several threads may use it.

    Own decisions are known at once. Those of other programs are read from the workspace from time
    to time: the files there are the truth, this is what was read of them.
    """

    def __init__(self, index: CropColumns, workspace: Workspace, store: str):
        self._index = index
        self._workspace = workspace
        self._store = store
        self._log = DecisionLog(workspace)
        self._lock = Lock()
        self._lines: dict[str, list[Decision]] = defaultdict(list)  # by crop
        self._known: dict[str, set[str]] = defaultdict(set)  # ids by media
        self._undos: dict[str, list[list[Decision]]] = defaultdict(list)
        self._decided = Decided(index)
        self.rulings: dict[str, Ruling] = {}
        self._read_at_s = -np.inf
        self._pause_s = _LEAST_PAUSE_S
        self.refresh()

    @property
    def decided(self) -> Decided:
        """What everybody decided, as far as it was read."""
        return self._decided

    def refresh(self) -> Decided:
        """Read what other programs decided, unless that was done a moment ago."""
        with self._lock:
            started_s = time.monotonic()
            if started_s - self._read_at_s < self._pause_s:
                return self._decided
            marks: dict[str, Mark | None] = {}
            for media_id, lines in read_all_decisions(self._workspace).items():
                ids = {line.id for line in lines}
                if ids != self._known[media_id]:
                    self._known[media_id] = ids
                    marks |= self._place(media_id, lines)
            if marks:
                self._decided = self._decided.changed(marks)
            self._read_at_s = time.monotonic()
            self._pause_s = max(_LEAST_PAUSE_S, (self._read_at_s - started_s) * _PAUSE_FACTOR)
            return self._decided

    def _place(self, media_id: str, lines: Sequence[Decision]) -> dict[str, Mark | None]:
        media = self._index.media
        self._lines[media_id] = [line for line in lines if line.place is None]
        if media_id not in media.names:
            return {}
        rows = np.flatnonzero(media.codes == media.names.index(media_id))
        crops = self._index.crops(rows)
        mattes = {crop.stem: crop.matte for crop in crops if crop.matte}
        on_people = [line for line in lines if line.place is not None]
        placed = place_decisions([crop.crop for crop in crops], mattes, on_people)
        marks: dict[str, Mark | None] = {}
        for crop in crops:
            found = placed.get(crop.stem)
            self._lines[crop.stem] = list(found.lines) if found else []
            marks[crop.stem] = self._mark(crop)
        return marks

    def _mark(self, crop: RunCrop) -> Mark | None:
        mask = MaskShown(crop.matte.mask_digest, crop.matte.channel) if crop.matte else None
        ruling = rule_on(in_force(self._lines[crop.stem]), mask)
        self.rulings[crop.stem] = ruling
        mark = mark_of(ruling)
        if mark is None or mark.mask != "good" or mark.verdict is not None:
            return mark
        record_of_crop = self._index.record_of(self._index.row_of[crop.stem])
        return mark._replace(settled=settled_verdict(crop, record_of_crop))

    def decide(
        self,
        rows: Sequence[int],
        applied: Mapping[int, int],
        action: Action,
        author: str,
        reason: str = "",
    ) -> list[int]:
        """Decide on some crops, and the same on others that follow one of them; return all rows.

        `applied` has for each crop that was not looked at itself the row of the one that was.

        Raises:
            InputError: a media was taken down.
            ValueError: the decision lacks what it needs, such as the reason of a drop.
        """
        now = datetime.now(UTC)
        crops = dict(zip(rows, self._index.crops(rows), strict=True))
        shown = {
            row: decide(crop, action, author, now, reason=reason) for row, crop in crops.items()
        }
        followers = dict(zip(applied, self._index.crops(list(applied)), strict=True))
        rest = [
            decide(crop, action, author, now, reason=reason, applied_from=shown[applied[row]].id)
            for row, crop in followers.items()
        ]
        self._record([*shown.values(), *rest], [*crops.values(), *followers.values()], author)
        return [*crops, *followers]

    def assign_scenes(
        self,
        sources: Sequence[str],
        rows: Sequence[int],
        add: tuple[str, ...],
        remove: tuple[str, ...],
        author: str,
    ) -> int:
        """Give scenes to whole sources and to crops, or take them away; return how many lines.

        A source means its media, as its bytes may come under another name tomorrow.

        Raises:
            InputError: a media was taken down.
        """
        now = datetime.now(UTC)
        lines = [
            Decision(
                media_id=media_id, action="scene", author=author, at=now, item=source_id,
                add=add, remove=remove,
            )
            for source_id in sources
            for media_id in self._media_of(source_id)
        ]  # fmt: skip
        crops = self._index.crops(rows) if rows else []
        lines += [decide(crop, "scene", author, now, add=add, remove=remove) for crop in crops]
        record(lines, self._log, self._workspace, self._store)
        with self._lock:
            for line in lines:
                self._known[line.media_id].add(line.id)
                self._lines[line.item if line.place else line.media_id].append(line)
            self._decided = self._decided.changed({})
        return len(lines)

    def _media_of(self, source_id: str) -> list[str]:
        index = self._index
        rows = np.flatnonzero(index.source.matches([source_id]))
        return sorted({index.media.name(int(row)) for row in rows})

    @property
    def scene_lines(self) -> dict[str, list[Decision]]:
        """The decisions in force on scenes, by crop or media, oldest first."""
        with self._lock:
            found = {
                item: [line for line in in_force(lines) if line.action == "scene"]
                for item, lines in self._lines.items()
            }
        return {item: lines for item, lines in found.items() if lines}

    def undo(self, author: str) -> list[int]:
        """Undo what somebody decided last on this desk; return the rows, none if there is none."""
        with self._lock:
            last = self._undos[author][-1] if self._undos[author] else []
        rows = [self._index.row_of[line.item] for line in last]
        if last:
            undone = [undo(line, author, datetime.now(UTC)) for line in last]
            self._record(undone, self._index.crops(rows), "")
            # Only now: what could not be written can be tried again.
            with self._lock:
                self._undos[author].remove(last)
        return rows

    def _record(self, lines: Sequence[Decision], crops: Sequence[RunCrop], author: str) -> None:
        """Write decisions, one per crop; with an author they can be undone."""
        record(lines, self._log, self._workspace, self._store)
        with self._lock:
            marks: dict[str, Mark | None] = {}
            for line, crop in zip(lines, crops, strict=True):
                self._known[line.media_id].add(line.id)
                self._lines[crop.stem].append(line)
                marks[crop.stem] = self._mark(crop)
            self._decided = self._decided.changed(marks)
            if author:
                self._undos[author] = [*self._undos[author], list(lines)][-_KEPT_UNDOS:]


def mark_of(ruling: Ruling) -> Mark | None:
    """Return what the decisions on a crop come to, for its tile."""
    word = ruling.good_mask or ruling.judgement
    deciding = [each for each in ruling.deciding if each.action != "scene"]
    if not deciding or word is None:
        return None
    last = max(deciding, key=lambda each: each.order)
    judgement = ruling.judgement
    verdict = _VERDICTS[judgement.action] if judgement else None
    return Mark(
        verdict=verdict,
        settled=verdict,
        reason=judgement.reason if judgement else "",
        mask=_ON_MASKS.get(word.action, ""),
        author=last.author,
        at=last.at,
        is_applied=last.applied_from is not None,
    )
