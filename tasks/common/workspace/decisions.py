"""Decisions of curators: lines that are only ever added, kept by media.

    decisions/<media_id>/<start>-<random>.jsonl   a decision a line, of one writing process

Each writer has files of its own, so that two people never write one file, be the workspace a folder
of this machine, one that machines share, or a bucket. A file is replaced in one step by itself with
more lines: it is whole at every moment, and what was written stays (docs/decisions/0025).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from secrets import token_hex
from threading import Lock

from tasks.common.errors import ArtifactError
from tasks.common.schema.decisions import Decision
from tasks.common.schema.rulings import in_force
from tasks.common.workspace.artifacts import Workspace

FOLDER = "decisions"
# Each decision writes its file anew: 100 lines are some 50 kB.
_MAX_LINES = 100
_READERS = 8  # requests to a bucket at a time


class DecisionLog:
    """Where one process writes decisions; several threads may use it.

    Its files are new ones, so a process that is killed leaves nothing that another one would have
    to take over.
    """

    def __init__(self, workspace: Workspace):
        self._workspace = workspace
        self._lock = Lock()
        self._files: dict[str, str] = {}  # the file in use, by media

    def append(self, decisions: Iterable[Decision]) -> list[Decision]:
        """Write decisions and return those that were not known; after it no crash loses them.

        One write per media. If the process dies between two of them, decisions on the first media
        are kept and those on the others are not; appending the same ones again adds the rest.

        Raises:
            ArtifactError: earlier decisions on a media are damaged.
            WorldError: the bucket does not answer; what is returned by then is nothing.
        """
        by_media: dict[str, dict[str, Decision]] = defaultdict(dict)
        for decision in decisions:
            by_media[decision.media_id][decision.id] = decision
        new: list[Decision] = []
        with self._lock:
            for media_id, by_id in by_media.items():
                known = {each.id for each in read_decisions(self._workspace, media_id)}
                own = [each for name, each in by_id.items() if name not in known]
                self._write(media_id, own)
                new += own
        return new

    def _write(self, media_id: str, decisions: Sequence[Decision]) -> None:
        lines = [decision.model_dump_json(exclude_defaults=True) + "\n" for decision in decisions]
        while lines:
            # By `read`, not from memory: a takedown may have removed the file since.
            name = self._files.get(media_id)
            before = (self._workspace.read(name) if name else None) or b""
            room = _MAX_LINES - before.count(b"\n")
            if name is None or not before or room <= 0:
                name, before, room = _new_file(media_id), b"", _MAX_LINES
            data = before + "".join(lines[:room]).encode()
            self._workspace.write(name, data, durable=True)
            self._files[media_id] = name
            lines = lines[room:]


def _new_file(media_id: str) -> str:
    return f"{FOLDER}/{media_id}/{datetime.now(UTC):%Y%m%d-%H%M%S}-{token_hex(6)}.jsonl"


def read_decisions(workspace: Workspace, media_id: str) -> tuple[Decision, ...]:
    """Return all lines of a media, each once and oldest first, undos and what they undo included.

    Raises:
        ArtifactError: a file is damaged; without it human work would be lost unnoticed.
    """
    return _read(workspace, workspace.names(f"{FOLDER}/{media_id}"))


def read_all_decisions(
    workspace: Workspace, media_ids: Iterable[str] | None = None
) -> dict[str, tuple[Decision, ...]]:
    """Return the lines of many media by media, as `read_decisions` does; None takes all.

    One listing, and a read per file: a media has one file per writing process and 100 decisions.

    Raises:
        ArtifactError: a file is damaged.
    """
    wanted = None if media_ids is None else set(media_ids)
    names: dict[str, list[str]] = defaultdict(list)
    for name in workspace.names(FOLDER):
        media_id = name.split("/")[1]
        if wanted is None or media_id in wanted:
            names[media_id].append(name)
    with ThreadPoolExecutor(_READERS, thread_name_prefix="decisions") as pool:
        read = pool.map(lambda own: _read(workspace, own), names.values())
        return dict(zip(names, read, strict=True))


def count_decisions(workspace: Workspace, media_ids: Iterable[str]) -> int:
    """Return how many lines some media have, also of damaged files."""
    names = [name for media in media_ids for name in workspace.names(f"{FOLDER}/{media}")]
    return sum((workspace.read(name) or b"").count(b"\n") for name in names)


def remove_decisions(workspace: Workspace, media_ids: Iterable[str]) -> int:
    """Remove all decisions on some media; return the number of files. For takedowns only."""
    names = [name for media in media_ids for name in workspace.names(f"{FOLDER}/{media}")]
    workspace.remove(names)
    return len(names)


class DecisionSet:
    """Decisions as they were when the tasks that apply them were submitted.

    A plain class: Prefect searches the elements of a tuple or record for task results, and a media
    may have thousands of decisions. A task gets the decisions themselves rather than reading them,
    so that its key and its result are about the same ones.
    """

    def __init__(self, decisions: Sequence[Decision] = (), problem: str = ""):
        self._standing = tuple(in_force(decisions))
        self._problem = problem
        # Also where all are undone by now: verdicts of before may still have them.
        self.were_made = bool(decisions) or bool(problem)

    @property
    def standing(self) -> tuple[Decision, ...]:
        """The decisions in force, oldest first.

        Raises:
            ArtifactError: they could not be read.
        """
        if self._problem:
            raise ArtifactError(self._problem)
        return self._standing

    @property
    def ids(self) -> list[str]:
        """The ids of those that shape verdicts, for the keys of stages that give verdicts."""
        return [each.id for each in self.standing if each.action != "scene"]

    @property
    def scenes(self) -> list[Decision]:
        """Those that assign scenes."""
        return [each for each in self.standing if each.action == "scene"]


NO_DECISIONS = DecisionSet()


def _read(workspace: Workspace, names: Sequence[str]) -> tuple[Decision, ...]:
    lines = [
        _parse(name, line)
        for name in names
        # By `read`: another machine may have written or removed some since.
        for line in (workspace.read(name) or b"").splitlines()
    ]
    return tuple(sorted({each.id: each for each in lines}.values(), key=lambda each: each.order))


def _parse(name: str, line: bytes) -> Decision:
    try:
        return Decision.model_validate_json(line)
    except ValueError as error:
        raise ArtifactError(
            f"The decisions in {name} are damaged. Restore the file from a backup: until then this "
            "source cannot be filtered or published."
        ) from error
