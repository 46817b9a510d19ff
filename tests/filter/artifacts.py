"""A small workspace with the crops, poses and mattes of one source."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from tasks.common.digests import content_key
from tasks.common.media.images import encode_png
from tasks.common.records import AdmittedTable, CropsTable, Drop, MattesTable, PosesTable, Stage
from tasks.common.schema.boxes import Box
from tasks.common.schema.rows import Admitted, Crop, Matte, Pose
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tests.filter.builders import N_POINTS, Picture

SIZE_WH = (60, 90)
PERSON = Box(10, 5, 50, 85)


def picture(seed: int) -> Picture:
    """Return a picture of coarse noise that depends on its seed alone, uint8 (90, 60, 3)."""
    coarse = np.random.default_rng(seed).integers(0, 255, (9, 6, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, SIZE_WH, interpolation=cv2.INTER_NEAREST), np.uint8)


def write_crops(workspace: Workspace, pictures: dict[str, Picture]) -> CropsTable:
    """Write a detect artifact with a crop for each name; each crop is its whole frame."""
    out = _writer(workspace, "detect", sorted(pictures))
    rows = []
    for name, rgb in pictures.items():
        path, digest = out.put(f"{name}.png", encode_png(rgb))
        rows.append(
            Crop(
                name,
                frame_id=f"{name}-f",
                media_id="m",
                time_s=0.0,
                frame_size_wh=SIZE_WH,
                projection="flat",
                person_box_xyxy=PERSON,
                crop_box_xyxy=Box(0, 0, *SIZE_WH),
                confidence=0.9,
                others_xyxy=(),
                path=path,
                digest=digest,
            )
        )
    return CropsTable(out.commit_rows(Crop, rows, [], n_in=len(rows)))


def write_poses(workspace: Workspace, seen: dict[str, float]) -> PosesTable:
    """Write a pose artifact in which all joints of a crop are seen as surely as its name says."""
    out = _writer(workspace, "pose", seen)
    points = ((30.0, 45.0),) * N_POINTS
    rows = [
        Pose(name, points, (surely,) * N_POINTS, None, None, "blazepose-full", "")
        for name, surely in seen.items()
    ]
    return PosesTable(out.commit_rows(Pose, rows, [], n_in=len(rows)))


def write_mattes(
    workspace: Workspace, screened: AdmittedTable, empty: Sequence[str] = ()
) -> MattesTable:
    """Write a matte artifact for the admitted crops; on `empty` ones nobody is found."""
    admitted = [crop.crop_id for crop in workspace.rows(Admitted, screened)]
    out = _writer(workspace, "matte", screened.digest, empty)
    rows = [_matte(out, name) for name in admitted if name not in empty]
    drops = [
        Drop(
            item=name,
            stage="matte",
            reason="mask_empty",
            value=0,
            bound=0.5,
            sentence=f"nobody on {name}",
        )
        for name in admitted
        if name in empty
    ]
    return MattesTable(out.commit_rows(Matte, rows, drops, n_in=len(admitted)))


def _matte(out: ArtifactWriter, name: str) -> Matte:
    mask = np.zeros(SIZE_WH[::-1], np.uint8)
    mask[PERSON.slices] = 1
    mask_path, mask_digest = out.put(f"{name}.png", encode_png(mask))
    alpha_path, alpha_digest = out.put(f"{name}-alpha.png", encode_png(mask * 255))
    return Matte(
        name,
        alpha_path=alpha_path,
        alpha_digest=alpha_digest,
        mask_path=mask_path,
        mask_digest=mask_digest,
        tight_box_xyxy=PERSON,
        raw_min=0.0,
        raw_max=1.0,
        second_path=None,
        second_digest=None,
        model="u2netp",
        model_digest="",
        channel=None,
    )


def _writer(workspace: Workspace, stage: Stage, *parts: Any) -> ArtifactWriter:
    return ArtifactWriter(workspace, stage, content_key(stage, *parts))
