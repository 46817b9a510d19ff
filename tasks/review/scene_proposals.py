"""What a network proposes for the kept crops of a run, as a file that a curator thins out."""

from collections.abc import Iterable, Iterator

import pandas as pd

from tasks.common.media.images import Rgb
from tasks.common.recipe.publish import PublishRecipe
from tasks.common.recipe.scenes import SceneFinder
from tasks.common.schema.tables import make_table
from tasks.deduplicate.run_crops import Judged, Subset
from tasks.review.clip import Tagger
from tasks.review.contact_sheet import picture
from tasks.review.tables import encode_csv

PROPOSALS = {"item": "string", "add": "string", "score": "Float64", "source_id": "string"}


def propose_scenes(subset: Subset, recipe: PublishRecipe, tagger: Tagger, least: float) -> bytes:
    """Return a CSV that `publish.scene_overrides` takes, of scenes that samples do not have yet."""
    kept = {judged.stem: judged for judged in subset.crops("keep")}
    finder = SceneFinder(recipe)
    rows = []
    for found in tagger.propose(_pictures(kept.values(), subset), least):
        source = kept[found.stem].source
        if found.scene not in finder.of(source, found.stem):
            told = {"item": found.stem, "add": found.scene, "score": found.score}
            rows.append(told | {"source_id": source.source_id})
    table: pd.DataFrame = make_table(rows, PROPOSALS)
    return encode_csv(table)


def _pictures(kept: Iterable[Judged], subset: Subset) -> Iterator[tuple[str, Rgb]]:
    """Yield whole crops, with the context that the published cut lacks."""
    for judged in kept:
        yield judged.stem, picture(subset.workspace, judged.crop["path"])
