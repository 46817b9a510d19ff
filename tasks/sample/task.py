"""The sample task: one media file becomes a table of frames."""

from tasks.common.recipe.models import SampleRecipe
from tasks.common.records import Source, StageResult
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace, reuse_or_make
from tasks.common.workspace.caching import stage_task
from tasks.sample import VERSION
from tasks.sample.stage import sample_key, sample_media


@stage_task("sample", version=VERSION, key=sample_key)
def sample(source: Source, media: StageResult, recipe: SampleRecipe) -> StageResult:
    """Take frames from one media file."""
    return reuse_or_make(
        Workspace.of(settings()),
        "sample",
        sample_key(media, recipe),
        lambda out: sample_media(media, recipe, settings(), out),
    )
