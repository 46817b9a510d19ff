"""Runs the first two stages on one file and hands back everything that came out."""

from pathlib import Path
from typing import Any, NamedTuple

from tasks.common.media.images import Rgb, read_rgb
from tasks.common.recipe.models import DownloadRecipe, SampleRecipe
from tasks.common.records import Source, StageResult
from tasks.common.schema.tables import plain_rows
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.download.task import fetch_source
from tasks.sample.stage import sample_media


class Outcome(NamedTuple):
    """The account of a sample stage, its tables as plain rows and its pictures."""

    result: StageResult
    rows: list[dict[str, Any]]
    drops: list[dict[str, Any]]
    pictures: list[Rgb]

    @property
    def times_s(self) -> list[float]:
        return [row["time_s"] for row in self.rows]

    @property
    def reasons(self) -> list[str]:
        return [drop["reason"] for drop in self.drops]


def sample_file(path: Path, workspace_root: Path, **recipe: Any) -> Outcome:
    """Download and sample one file; `recipe` are values of `SampleRecipe`."""
    workspace = Workspace(workspace_root)
    source = Source(source_id="clip", uri=str(path))
    writer = ArtifactWriter(workspace, "download", "d" * 40)
    media = fetch_source(writer, source, DownloadRecipe())
    writer = ArtifactWriter(workspace, "sample", "5" * 40)
    result = sample_media(writer, source, media, SampleRecipe(**recipe))
    rows = plain_rows(workspace.items(result))
    pictures = [read_rgb(workspace.path(row["path"])) for row in rows]
    return Outcome(result, rows, plain_rows(workspace.drops(result)), pictures)
