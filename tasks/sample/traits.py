"""What a file really holds where its container, its suffix or its frame claim something else.

The traits of a file depend on its bytes alone. They are looked at once and kept in the workspace.
Only traits that a file has enter the key of its frames: a file without any keeps the frames that it
always had, and their key (docs/decisions/0022).
"""

from pathlib import Path
from typing import Any

from tasks.common.errors import SourceError
from tasks.common.media.jail import Reach
from tasks.common.media.limits import decode_limits, refusing_malformed_media
from tasks.common.media.sandbox import SandboxError, run_isolated
from tasks.common.records import Kind, Record
from tasks.common.schema.rows import MediaRow
from tasks.common.settings import Settings
from tasks.common.workspace.artifacts import Workspace

VERSION = 1
"""Raised when a trait is found or handled otherwise; files without traits stay as they are."""

_FOLDER = f"traits/v{VERSION}"


class Traits(Record):
    """What must be heeded when a file is sampled; a plain file has none of it.

    `area` is where the picture is in the frame (x0, y0, x1, y1), if bars surround it. `duration_s`
    is how long the video really is, if that is not what the container says.
    """

    problem: str | None = None
    is_photo: bool = False
    other_track: bool = False
    duration_s: float | None = None
    is_joined: bool = False
    is_untimed: bool = False
    is_interlaced: bool = False
    is_hdr: bool = False
    is_wide_gamut: bool = False
    is_bt709: bool = False
    has_profile: bool = False
    has_alpha: bool = False
    area: tuple[int, int, int, int] | None = None

    @property
    def key(self) -> list[Any]:
        """What enters the key of the frames: nothing for a plain file."""
        found = self.model_dump(mode="json", exclude_defaults=True)
        return [VERSION, found] if found else []


PLAIN = Traits()
"""Those of a file that is what it says."""


class LookJob(Record):
    """A file to look at; `is_labelled`: an annotation is drawn on the whole of the picture."""

    path: str
    kind: Kind
    duration_s: float | None
    is_labelled: bool


def read_traits(media: MediaRow, workspace: Workspace, settings: Settings) -> Traits:
    """Return the traits of a file, from the workspace or by looking at it.

    A file that cannot be opened has none: sampling it says what is wrong.

    Raises:
        SourceError: a limit stopped the look. Without its traits the file would be taken for plain.
    """
    labelled = "-labelled" if media.labels_path else ""
    path = f"{_FOLDER}/{media.media_id[:2]}/{media.media_id}{labelled}.json"
    data = workspace.read(path)
    if data is not None:
        try:
            return Traits.model_validate_json(data)
        except ValueError:
            pass  # of another version, or damaged: the file is looked at again
    try:
        traits = _look(media, workspace.path(media.path), settings)
    except SandboxError as error:
        with refusing_malformed_media():
            raise error
    except SourceError:
        return PLAIN
    workspace.write(path, traits.model_dump_json(exclude_defaults=True).encode())
    return traits


def _look(media: MediaRow, path: Path, settings: Settings) -> Traits:
    from tasks.sample.look import look_in_worker  # late: it imports decoders

    job = LookJob(
        path=str(path),
        kind=media.kind,
        duration_s=media.duration_s,
        is_labelled=media.labels_path is not None,
    )
    answer = run_isolated(
        look_in_worker, job.model_dump(mode="json"), decode_limits(settings), Reach((job.path,))
    )
    return Traits.model_validate(answer)
