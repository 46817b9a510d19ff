"""A network's proposals for the kept crops of a run, as a file that a curator edits."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tasks.common.media.images import Rgb
from tasks.common.recipe.publish import PublishRecipe
from tasks.common.recipe.scenes import SceneFinder
from tasks.common.records import Source
from tasks.common.schema.columns import to_frame
from tasks.common.schema.rows import RunCrop
from tasks.common.workspace.artifacts import Workspace
from tasks.review.clip import Tagger
from tasks.review.contact_sheet import picture
from tasks.review.tables import encode_csv


@dataclass(frozen=True)
class ProposalRow:
    """A proposed scene, as a row of a file of overrides with notes for people."""

    item: str
    add: str
    score: float
    source_id: str


def propose_scenes(
    kept: Sequence[RunCrop],
    sources: Mapping[str, Source],
    recipe: PublishRecipe,
    tagger: Tagger,
    min_score: float,
    workspace: Workspace,
) -> bytes:
    """Return a CSV that `publish.scene_overrides` takes, of scenes that samples do not have yet.

    `sources` are those of the run by id.
    """
    source_of = {crop.stem: sources[crop.source_id] for crop in kept}
    finder = SceneFinder(recipe)
    rows = []
    for proposal in tagger.propose(_pictures(kept, workspace), min_score):
        source = source_of[proposal.stem]
        # Including overrides: a proposal that a curator has decided on does not come again.
        if proposal.scene not in finder.of(source, proposal.stem):
            rows.append(
                ProposalRow(proposal.stem, proposal.scene, proposal.score, source.source_id)
            )
    return encode_csv(to_frame(ProposalRow, rows))


def _pictures(kept: Iterable[RunCrop], workspace: Workspace) -> Iterator[tuple[str, Rgb]]:
    """Yield whole crops, with the context that the published cut lacks."""
    for crop in kept:
        yield crop.stem, picture(workspace, crop.crop.path)
