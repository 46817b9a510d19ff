"""What distinguishes two versions, as pictures."""

from collections import defaultdict
from io import BytesIO
from itertools import islice
from typing import NamedTuple

from tasks.common.html.pages import render_page
from tasks.common.html.pictures import evenly, jpeg_data_uri, outlined, side_by_side
from tasks.common.media.images import Rgb, read_grey, read_rgb
from tasks.common.progress import track
from tasks.common.schema.sample import KINDS, ChangeKind, Sample
from tasks.common.store.objects import ObjectStore, in_parallel
from tasks.publish.diff import Diff, Difference, spell_change

# Pictures are embedded in the page: these bounds keep it small enough for a browser.
MAX_SHOWN = 60
_HEIGHT_PX = 220


class Figure(NamedTuple):
    """A sample on the page; `picture` is a data URI, empty where a picture is gone."""

    stem: str
    caption: str
    picture: str


def render_diff(diff: Diff, store: ObjectStore) -> str:
    """Return a page of samples by kinds of change, at most `MAX_SHOWN` each, before beside after.

    A picture that is gone from the store, as of a retired version, is left out with a note.
    """
    groups: dict[tuple[ChangeKind, ...], list[Difference]] = defaultdict(list)
    for sample in diff.samples:
        groups[sample.kinds].append(sample)
    order = sorted(groups, key=lambda kinds: [KINDS.index(kind) for kind in kinds])
    chosen = {kinds: evenly(groups[kinds], MAX_SHOWN) for kinds in order}
    shown = [sample for samples in chosen.values() for sample in samples]
    # One pool for all groups, since most of the time goes into waiting for the store. Results come
    # in the order of `shown`, so `islice` below deals them out to their groups.
    drawn = in_parallel(lambda sample: _figure(sample, diff, store), shown, store)
    figures = iter(track(drawn, "pictures", len(shown)))
    return render_page(
        __package__,
        "picture_pairs.html.j2",
        title=f"{diff.before.label} → {diff.after.label}",
        note=f"{diff.before.n_samples} samples before, {diff.after.n_samples} after, "
        f"{diff.n_same} the same in both.",
        kinds=[(spell_change(kind), len(diff.of(kind))) for kind in KINDS],
        sheets=[
            {
                "name": ", ".join(map(spell_change, kinds)),
                "n": len(groups[kinds]),
                "figures": list(islice(figures, len(samples))),
            }
            for kinds, samples in chosen.items()
        ],
        groups=[],
    )


def _figure(sample: Difference, diff: Diff, store: ObjectStore) -> Figure:
    versions = [(sample.before, diff.before.prefix), (sample.after, diff.after.prefix)]
    if set(sample.kinds) <= {"split_changed", "scenes_changed"}:
        versions = versions[1:]  # the picture is the same in both
    tiles = [_tile(version, prefix, store) for version, prefix in versions if version is not None]
    shown = [tile for tile in tiles if tile is not None]
    caption = sample.describe()
    if len(shown) < len(tiles):
        caption += "; a picture is gone"
    return Figure(sample.stem, caption, jpeg_data_uri(side_by_side(shown)) if shown else "")


def _tile(sample: Sample, prefix: str, store: ObjectStore) -> Rgb | None:
    image, mask = (store.get(prefix + path) for path in sample.paths)
    if image is None or mask is None:
        return None
    try:
        return outlined(read_rgb(BytesIO(image)), read_grey(BytesIO(mask)), _HEIGHT_PX)
    except (OSError, ValueError):  # damaged: `verify --deep` reports it
        return None
