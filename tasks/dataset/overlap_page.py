"""A page of the samples that overlap with another subset, each beside the published one."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from io import BytesIO

from tasks.common.html.pages import render_page
from tasks.common.html.pictures import evenly, jpeg_data_uri, outlined, side_by_side
from tasks.common.media.images import Rgb, read_grey, read_rgb
from tasks.common.schema.rows import RunCrop
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.artifacts import Workspace
from tasks.dataset.decontamination import Overlap
from tasks.dataset.encode import read_sample

# Pictures are embedded in the page: these bounds keep it small enough for a browser.
_HEIGHT_PX = 220
_MAX_SHOWN = 60


def render_overlaps(
    overlaps: Sequence[Overlap],
    crops: Mapping[str, RunCrop],
    workspace: Workspace,
    store: ObjectStore,
    title: str,
) -> str:
    """Return the page; `crops` are this run's, by stem. Pictures that are gone are left out."""
    groups: dict[str, list[Overlap]] = defaultdict(list)
    for overlap in overlaps:
        groups[f"same {overlap.kind} as in {overlap.subset.label}"].append(overlap)
    return render_page(
        __package__,
        "picture_pairs.html.j2",
        title=title,
        note="Left: a sample of this run. Right: the published sample that it overlaps with.",
        head="overlap",
        kinds=[(name, len(own)) for name, own in sorted(groups.items())],
        sheets=[
            {
                "name": name,
                "n": len(own),
                "figures": [
                    {
                        "stem": overlap.stem,
                        "caption": f"{overlap.published.stem}: {overlap.why}",
                        "picture": jpeg_data_uri(_pair(overlap, crops, workspace, store)),
                    }
                    for overlap in evenly(own, _MAX_SHOWN)
                ],
            }
            for name, own in sorted(groups.items())
        ],
        groups=[],
    )


def _pair(
    overlap: Overlap, crops: Mapping[str, RunCrop], workspace: Workspace, store: ObjectStore
) -> Rgb:
    tiles = [outlined(*read_sample(crops[overlap.stem], workspace), _HEIGHT_PX)]
    image, mask = (store.get(overlap.subset.prefix + path) for path in overlap.published.paths)
    # `gc` may have removed the files of a retired version; the page is made for the run's samples.
    if image is not None and mask is not None:
        tiles.append(outlined(read_rgb(BytesIO(image)), read_grey(BytesIO(mask)), _HEIGHT_PX))
    return side_by_side(tiles)
