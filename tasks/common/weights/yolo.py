"""How an ultralytics model is loaded without what ultralytics does beside."""

import os
from pathlib import Path
from typing import Any, Literal

from PIL import Image


def load_yolo(path: Path, task: Literal["detect", "pose"], folder: Path) -> Any:
    """Load a model from verified weights; ultralytics' own settings go into `folder`."""
    # Read by ultralytics when it is imported: it must neither install packages nor phone home,
    # and it keeps its settings beside the weights rather than in the user's home.
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    os.environ.setdefault("YOLO_VERBOSE", "false")
    os.environ.setdefault("YOLO_OFFLINE", "true")
    os.environ.setdefault("YOLO_CONFIG_DIR", str(folder))
    opened_by = Image.open
    from ultralytics.models import YOLO

    Image.open = opened_by  # ultralytics replaces it for everybody, and installs packages from it
    return YOLO(str(path), task=task)
