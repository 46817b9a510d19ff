"""The download task: one source becomes one media file in the workspace."""

from tasks.common.artifacts import Workspace, reuse_or_make
from tasks.common.caching import stage_task
from tasks.common.recipe import DownloadRecipe
from tasks.common.records import Source, StageResult
from tasks.common.settings import settings
from tasks.download import VERSION
from tasks.download.address import is_missing
from tasks.download.fetch import download_key, fetch
from tasks.download.listing import read_sources

__all__ = ["download", "is_missing", "read_sources"]


@stage_task("download", version=VERSION, key=download_key)
def download(source: Source, recipe: DownloadRecipe) -> StageResult:
    """Bring one source into the workspace."""
    return reuse_or_make(
        Workspace.of(settings()),
        "download",
        download_key(source, recipe),
        lambda out: fetch(source, recipe, out),
    )
