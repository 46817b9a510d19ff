"""Load ultralytics models without the side effects of ultralytics."""

import os
from pathlib import Path
from typing import Any, Literal

from tasks.common.media.images import keeping_pillow_open


def load_yolo(path: Path, task: Literal["detect", "pose"], folder: Path) -> Any:
    """Load a model from verified weights; ultralytics' own settings go into `folder`.

    Any: ultralytics ships no types.
    """
    # ultralytics reads these when it is imported, hence the late import: it must neither install
    # packages nor send telemetry, and must write its settings beside the weights, not into the
    # user's home.
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    os.environ.setdefault("YOLO_VERBOSE", "false")
    os.environ.setdefault("YOLO_OFFLINE", "true")
    os.environ.setdefault("YOLO_CONFIG_DIR", str(folder))
    with keeping_pillow_open():
        from ultralytics.models import YOLO
    return YOLO(str(path), task=task)
