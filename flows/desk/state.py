"""What one server holds: the crops of its runs, people's decisions, views that were asked for."""

from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from threading import Lock
from typing import Any

from flows.desk import rooms
from flows.desk.columns import VERDICTS, CropColumns, Flags, Named
from flows.desk.decided import Decided
from flows.desk.decisions import Decisions
from flows.desk.selection import Facts, Selection, select
from flows.desk.sliders import Sliders
from flows.desk.view import View
from tasks.common.schema.rows import RunCrop
from tasks.common.workspace.artifacts import Workspace

_KEPT_VIEWS = 16


class _Groups(dict[str, Named]):
    """Columns to group by; tracks and clusters are computed when they are first asked for."""

    def __init__(self, index: CropColumns):
        super().__init__(source=index.source)
        self._index = index
        self._lock = Lock()

    def __missing__(self, name: str) -> Named:
        with self._lock:
            if name not in self:
                maker = rooms.tracks_of if name == "track" else rooms.clusters_of
                self[name] = maker(self._index)
        return self[name]


class Desk:
    """The state of a desk. Requests come from several threads at a time."""

    def __init__(self, runs: Sequence[str], workspace: Workspace, store: str):
        self.workspace = workspace
        self.store = store
        self.index = CropColumns(rooms.open_runs(runs, workspace))
        self.pictures = rooms.Pictures(self.index, workspace)
        self.sliders = Sliders(self.index)
        self._lock = Lock()
        self._views: OrderedDict[tuple[View, int], Selection] = OrderedDict()
        self.decisions = Decisions(self.index, workspace, store)

    @property
    def decided(self) -> Decided:
        """The decisions of everybody, as they stand now."""
        return self.decisions.decided

    @cached_property
    def facts(self) -> Facts:
        """Scenes, splits and groups of the crops."""
        return Facts(self._scenes(), rooms.find_splits(self.index, self.store), _Groups(self.index))

    def _scenes(self) -> dict[str, Flags]:
        return rooms.find_scenes(self.index, self.decisions.scene_lines)

    def look_for_splits(self) -> None:
        """Read the splits anew: a version may have been published since."""
        self.facts = self.facts._replace(split=rooms.find_splits(self.index, self.store))

    def forget_scenes(self) -> None:
        """Find the scenes anew, after somebody assigned some."""
        self.facts = self.facts._replace(scenes=self._scenes())
        with self._lock:
            self._views.clear()

    def select(self, view: View) -> Selection:
        """Return the crops of a view; the last views are kept, as pages ask for parts of one."""
        decided = self.decided
        key = (view.selection, decided.revision)
        with self._lock:
            if key in self._views:
                self._views.move_to_end(key)
                return self._views[key]
        selection = select(self.index, decided, self.facts, view)
        with self._lock:
            self._views[key] = selection
            while len(self._views) > _KEPT_VIEWS:
                self._views.popitem(last=False)
        return selection

    def tiles(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        """Return what the gallery shows of some rows, as plain values."""
        crops = self.index.crops(rows)
        return [self._tile(row, crop) for row, crop in zip(rows, crops, strict=True)]

    def _tile(self, row: int, crop: RunCrop) -> dict[str, Any]:
        decided, verdict = self.decided, crop.verdict
        mark = decided.marks.get(crop.stem)
        by_rules = verdict.decided
        box = crop.crop.crop_box_xyxy
        tile: dict[str, Any] = {
            "id": crop.stem,
            "source": crop.source_id,
            "t": round(crop.crop.time_s, 2),
            "w": int(box.width),
            "h": int(box.height),
            "verdict": VERDICTS[decided.final[row]],
            "rule_verdict": VERDICTS[self.index.verdict[row]],
            "reason": (by_rules.rule_reason if by_rules else verdict.reason) or "",
            "sentence": verdict.sentence or "",
            "trust": verdict.measures.get("trust"),
            "channel": crop.matte.channel or crop.matte.model if crop.matte else "",
            "v": self.picture_version(crop),
        }
        if mark is not None:
            tile["mark"] = {
                "verdict": mark.verdict or "",
                "reason": mark.reason,
                "mask": mark.mask,
                "author": mark.author,
                "at": mark.at.isoformat(timespec="seconds"),
                "applied": mark.is_applied,
            }
        return tile

    def picture_version(self, crop: RunCrop) -> str:
        """Return what changes whenever the pictures of a crop do; browsers keep them by it."""
        mask = crop.matte.mask_digest[:8] if crop.matte else "0"
        return f"{crop.crop.digest[:8]}{mask}{self.pictures.n_drawn(crop)}"
