"""The download task: one source becomes one media file in the workspace."""

from tasks.common.recipe.models import DownloadRecipe
from tasks.common.records import MediaTable, Source
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.common.workspace.caching import stage_task
from tasks.download import VERSION
from tasks.download.fetch import download_key, fetch
from tasks.download.fetchers.registry import is_missing
from tasks.download.seen import Known, Ledger, News
from tasks.download.sources.read import read_sources

__all__ = ["News", "download", "is_missing", "known_sources", "news_of", "read_sources"]


def known_sources(workspace: Workspace) -> list[Known]:
    """Return every source that was ever brought into a workspace."""
    return Ledger(workspace).all()


def news_of(source: Source) -> News:
    """Say whether a source was never brought here, or looks different since."""
    return Ledger(Workspace.of(settings())).news(source)


def fetch_source(out: ArtifactWriter, source: Source, recipe: DownloadRecipe) -> MediaTable:
    """Download one source into the workspace."""
    return MediaTable(fetch(source, recipe, settings(), out))


download = stage_task("download", fetch_source, version=VERSION, key=download_key)
