"""The tasks of the annotate room: `correct` merges the corrections of people into mattes."""

from tasks.annotate import VERSION
from tasks.annotate.compare import compare_masks
from tasks.annotate.stage import correct_key, correct_mattes, media_of
from tasks.common.errors import MatteflowError
from tasks.common.records import MediaTable
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.caching import stage_task
from tasks.common.workspace.corrections import is_corrected

__all__ = ["compare_masks", "correct", "has_corrections"]

correct = stage_task("correct", correct_mattes, version=VERSION, key=correct_key)


def has_corrections(media: MediaTable) -> bool:
    """Say whether people corrected masks of this media; most sources need no `correct` stage.

    True also where that cannot be told: the stage then meets the fault, and its source alone fails.
    """
    workspace = Workspace.of(settings())
    try:
        return is_corrected(workspace, media_of(media, workspace))
    except (MatteflowError, OSError):
        return True
