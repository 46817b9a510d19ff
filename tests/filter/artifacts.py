"""A small workspace with the crops, poses and mattes of one source."""

import json
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from tasks.common.digests import content_key
from tasks.common.media.images import encode_png
from tasks.common.records import AdmittedTable, CropsTable, Drop, MattesTable, PosesTable, Stage
from tasks.common.schema.columns import columns_of
from tasks.common.schema.rows import Crop, Matte, Pose
from tasks.common.schema.tables import make_table
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tests.filter.builders import N_POINTS, Picture

SIZE_WH = (60, 90)
PERSON = (10, 5, 50, 85)


def picture(seed: int) -> Picture:
    """Return a picture of coarse noise that depends on its seed alone, uint8 (90, 60, 3)."""
    coarse = np.random.default_rng(seed).integers(0, 255, (9, 6, 3), dtype=np.uint8)
    return cv2.resize(coarse, SIZE_WH, interpolation=cv2.INTER_NEAREST)


def write_crops(workspace: Workspace, shown: dict[str, Picture], **facts: Any) -> CropsTable:
    """Write a detect artifact with a crop for each name; `facts` hold for all of them."""
    out = _writer(workspace, "detect", sorted(shown), repr(facts))
    rows = []
    for name, rgb in shown.items():
        path, digest = out.put(f"{name}.png", encode_png(rgb))
        row = {
            "crop_id": name,
            "frame_size_wh": json.dumps(SIZE_WH),
            "projection": "flat",
            "person_box_xyxy": json.dumps(PERSON),
            "crop_box_xyxy": json.dumps([0, 0, *SIZE_WH]),
            "others_xyxy": "[]",
            "confidence": 0.9,
            "path": path,
            "digest": digest,
        }
        rows.append(row | facts)
    return CropsTable(out.commit(make_table(rows, columns_of(Crop)), [], n_in=len(rows)))


def write_poses(workspace: Workspace, seen: dict[str, float]) -> PosesTable:
    """Write a pose artifact in which all joints of a crop are seen as surely as its name says."""
    out = _writer(workspace, "pose", seen)
    points = json.dumps([[30, 45]] * N_POINTS)
    rows = [
        {"crop_id": name, "points_xy": points, "seen": json.dumps([surely] * N_POINTS)}
        for name, surely in seen.items()
    ]
    return PosesTable(out.commit(make_table(rows, columns_of(Pose)), [], n_in=len(rows)))


def write_mattes(
    workspace: Workspace, screened: AdmittedTable, empty: Sequence[str] = ()
) -> MattesTable:
    """Write a matte artifact for the admitted crops; on `empty` ones nobody is found."""
    admitted = workspace.items(screened)["crop_id"].tolist()
    out = _writer(workspace, "matte", screened.digest, empty)
    x0, y0, x1, y1 = PERSON
    mask = np.zeros(SIZE_WH[::-1], np.uint8)
    mask[y0:y1, x0:x1] = 1
    rows, drops = [], []
    for name in admitted:
        if name in empty:
            said = f"nobody on {name}"
            drops.append(
                Drop(
                    item=name, stage="matte", reason="mask_empty", value=0, bound=0.5, sentence=said
                )
            )
            continue
        mask_path, mask_digest = out.put(f"{name}.png", encode_png(mask))
        alpha_path, alpha_digest = out.put(f"{name}-alpha.png", encode_png(mask * 255))
        row = {"crop_id": name, "mask_path": mask_path, "mask_digest": mask_digest}
        row |= {"alpha_path": alpha_path, "alpha_digest": alpha_digest}
        rows.append(row | {"tight_box_xyxy": json.dumps(PERSON)})
    return MattesTable(out.commit(make_table(rows, columns_of(Matte)), drops, n_in=len(admitted)))


def _writer(workspace: Workspace, stage: Stage, *parts: Any) -> ArtifactWriter:
    return ArtifactWriter(workspace, stage, content_key(stage, *parts))
