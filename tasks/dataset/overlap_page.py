"""The related samples of two subsets, ours beside theirs, as a page."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from io import BytesIO

from tasks.common.html.pages import render_page
from tasks.common.html.pictures import evenly, jpeg_data_uri, outlined, side_by_side
from tasks.common.media.images import Rgb, read_grey, read_rgb
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.artifacts import Workspace
from tasks.dataset.decontamination import Relation
from tasks.deduplicate.run_crops import Judged
from tasks.review.contact_sheet import thumbnail

_HEIGHT_PX = 220
_MAX_SHOWN = 60


def render_relations(
    relations: Sequence[Relation],
    crops: Mapping[str, Judged],
    workspace: Workspace,
    store: ObjectStore,
    title: str,
) -> str:
    """Return the page; a picture that is gone from the store is left out."""
    groups: dict[str, list[Relation]] = defaultdict(list)
    for relation in relations:
        groups[f"same {relation.kind} as in {relation.label}"].append(relation)
    return render_page(
        __package__,
        "picture_pairs.html.j2",
        title=title,
        note="Left: the sample that was to be published. Right: what it is related to.",
        head="related",
        kinds=[(name, len(found)) for name, found in sorted(groups.items())],
        sheets=[
            {
                "name": name,
                "n": len(found),
                "figures": [
                    {
                        "stem": relation.stem,
                        "says": f"{relation.other.stem}: {relation.why}",
                        "picture": jpeg_data_uri(_beside(relation, crops, workspace, store)),
                    }
                    for relation in evenly(found, _MAX_SHOWN)
                ],
            }
            for name, found in sorted(groups.items())
        ],
        groups=[],
    )


def _beside(
    relation: Relation, crops: Mapping[str, Judged], workspace: Workspace, store: ObjectStore
) -> Rgb:
    tiles = [thumbnail(crops[relation.stem].row, workspace, _HEIGHT_PX)]
    image, mask = store.get(relation.other.image), store.get(relation.other.mask)
    if image is not None and mask is not None:
        tiles.append(outlined(read_rgb(BytesIO(image)), read_grey(BytesIO(mask)), _HEIGHT_PX))
    return side_by_side(tiles)
