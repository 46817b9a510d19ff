"""The detect task: the frames of one source become a table of crops."""

from tasks.common.recipe.models import DetectRecipe
from tasks.common.records import Source, StageResult
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace, reuse_or_make
from tasks.common.workspace.caching import stage_task
from tasks.detect import VERSION
from tasks.detect.stage import detect_key, detect_people


@stage_task("detect", version=VERSION, key=detect_key)
def detect(source: Source, frames: StageResult, recipe: DetectRecipe) -> StageResult:
    """Cut single people out of the frames of one source."""
    return reuse_or_make(
        Workspace.of(settings()),
        "detect",
        detect_key(frames, recipe),
        lambda out: detect_people(frames, recipe, settings(), out),
    )
