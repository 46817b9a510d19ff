"""The download task: one source becomes one media file in the workspace."""

from tasks.common.recipe.models import DownloadRecipe
from tasks.common.records import MediaTable, Source, StageResult
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.common.workspace.caching import stage_task
from tasks.download import VERSION
from tasks.download.addresses import keep_addresses, with_whole_address
from tasks.download.fetch import claim, download_key, fetch
from tasks.download.fetchers.registry import is_missing
from tasks.download.seen import SeenSource, SeenSources, SourceStatus
from tasks.download.sources.read import read_sources

__all__ = [
    "SourceStatus",
    "download",
    "is_missing",
    "keep_addresses",
    "known_sources",
    "read_sources",
    "status_of",
    "with_whole_address",
]


def known_sources(workspace: Workspace) -> list[SeenSource]:
    """Return every source that a workspace has downloaded."""
    return SeenSources(workspace).all()


def status_of(source: Source) -> SourceStatus:
    """Say whether a source is new to the workspace, or has changed since it was downloaded."""
    return SeenSources(Workspace.of(settings())).status(source)


def fetch_source(out: ArtifactWriter, source: Source, recipe: DownloadRecipe) -> MediaTable:
    """Download one source into the workspace."""
    return MediaTable(fetch(source, recipe, settings(), out))


def _claim(source: Source, result: StageResult) -> bool:
    return claim(source, result, Workspace.of(settings()))


download = stage_task("download", fetch_source, version=VERSION, key=download_key, accept=_claim)
