"""`samples.csv`: one row per published sample, with all that is known of where it comes from."""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import pandas as pd

from tasks.common.schema.provenance import ORIGIN, origin_of
from tasks.common.schema.tables import make_table
from tasks.dataset.selection import Sample

Row = dict[str, Any]

SAMPLE_COLUMNS = {
    "stem": "string",
    "split": "string",
    "scenes": "string",  # separated by ;
    "group": "string",
    "source_id": "string",
    "media_id": "string",
    "time_s": "Float64",
    "licence": "string",
    **dict.fromkeys(ORIGIN, "string"),
    "channel": "string",
    "width_px": "Int64",
    "height_px": "Int64",
    "n_boxes": "Int64",  # detected people who reach into the picture, the sample's own among them
    "subject_share": "Float64",
    "crop_box_xyxy": "string",  # JSON, whole px of the frame
    "box_in_crop_xyxy": "string",  # JSON, whole px of the crop: what is published of it
    "hash": "string",
    "mirror_hash": "string",
}


class Size(NamedTuple):
    """Of a picture, in px."""

    width: int
    height: int


def size_of(sample: Sample) -> Size:
    """Return the published picture's size."""
    x0, y0, x1, y1 = sample.judged.box_in_crop or (0, 0, 0, 0)
    return Size(x1 - x0, y1 - y0)


def n_boxes_of(sample: Sample) -> int:
    """Count the detected people who reach into the published picture, its own among them."""
    left, top, *_ = json.loads(sample.judged.crop["crop_box_xyxy"])
    x0, y0, x1, y1 = sample.judged.box_in_crop or (0, 0, 0, 0)
    others = json.loads(sample.judged.crop["others_xyxy"])
    return 1 + sum(
        bool(a < left + x1 and c > left + x0 and b < top + y1 and d > top + y0)
        for a, b, c, d in others
    )


def sample_table(samples: Iterable[Sample]) -> pd.DataFrame:
    """Return one row per sample, in the order of the samples."""
    return make_table(map(_row, samples), SAMPLE_COLUMNS)


def _row(sample: Sample) -> Row:
    source, crop, verdict = sample.judged.source, sample.judged.crop, sample.judged.verdict
    size = size_of(sample)
    of_crop = ("media_id", "time_s", "crop_box_xyxy")
    return {
        "stem": sample.stem,
        "split": sample.split,
        "scenes": ";".join(sample.scenes),
        "group": sample.group,
        "channel": sample.channel,
        "width_px": size.width,
        "height_px": size.height,
        "n_boxes": n_boxes_of(sample),
        "box_in_crop_xyxy": json.dumps(sample.judged.box_in_crop),
        "source_id": source.source_id,
        "licence": source.licence,
        **origin_of(source),
        **{name: crop[name] for name in of_crop},
        **{name: verdict[name] for name in ("subject_share", "hash", "mirror_hash")},
    }
