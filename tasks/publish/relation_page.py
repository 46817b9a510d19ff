"""The related samples of two subsets, ours beside theirs, as a page."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from io import BytesIO

import numpy as np

from tasks.common.artifacts import Workspace
from tasks.common.images import Rgb, read_grey, read_rgb
from tasks.common.store.objects import ObjectStore
from tasks.publish.pictures import jpeg_data_uri, outlined, thumbnail
from tasks.publish.relations import Relation
from tasks.publish.report import render_page, spread
from tasks.publish.subset import Judged

_HEIGHT_PX = 220
_GAP_PX = 6
_WHITE = 255
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
        "diff.html.j2",
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
                    for relation in spread(found, _MAX_SHOWN)
                ],
            }
            for name, found in sorted(groups.items())
        ],
        groups=[],
    )


def _beside(
    relation: Relation, crops: Mapping[str, Judged], workspace: Workspace, store: ObjectStore
) -> Rgb:
    tiles = [thumbnail(crops[relation.stem], workspace, _HEIGHT_PX)]
    image, mask = store.get(relation.other.image), store.get(relation.other.mask)
    if image is not None and mask is not None:
        tiles.append(np.full((_HEIGHT_PX, _GAP_PX, 3), _WHITE, np.uint8))
        tiles.append(outlined(read_rgb(BytesIO(image)), read_grey(BytesIO(mask)), _HEIGHT_PX))
    return np.concatenate(tiles, axis=1)
