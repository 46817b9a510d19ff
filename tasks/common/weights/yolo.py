"""Load ultralytics models without the side effects of ultralytics."""

import os
from pathlib import Path
from typing import Any, Literal

from tasks.common.media.images import keeping_pillow_open


def load_yolo(path: Path, task: Literal["detect", "pose", "segment"], folder: Path) -> Any:
    """Load a model from verified weights; ultralytics' own settings go into `folder`.

    Any: ultralytics ships no types.
    """
    _keep_at_home(folder)
    with keeping_pillow_open():
        from ultralytics.models import YOLO
    return YOLO(str(path), task=task)


def load_sam(path: Path, folder: Path) -> Any:
    """Load a SAM 2 model from verified weights, whose file must keep ultralytics' name.

    ultralytics chooses the network by the end of the file's name, such as `sam2.1_t.pt`.

    Raises:
        FileNotFoundError: the file's name is none of ultralytics' SAM models.
    """
    _keep_at_home(folder)
    with keeping_pillow_open():
        from ultralytics.models import SAM
    return SAM(str(path))


def _keep_at_home(folder: Path) -> None:
    # ultralytics reads these when it is imported, hence the late imports above: it must neither
    # install packages nor send telemetry, and must write its settings beside the weights, not into
    # the user's home.
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    os.environ.setdefault("YOLO_VERBOSE", "false")
    os.environ.setdefault("YOLO_OFFLINE", "true")
    os.environ.setdefault("YOLO_CONFIG_DIR", str(folder))
