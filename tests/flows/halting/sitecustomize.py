"""Loaded by every Python that has this folder on PYTHONPATH: stops once in the middle of a stage.

HALT_AT names a stage; the first process that is about to finish an artifact of it (its files are
written, its marker is not) writes its pid to HALT_GATE/halted and waits for HALT_GATE/go.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

_STAGE = os.environ.get("HALT_AT", "")
_GATE = os.environ.get("HALT_GATE", "")


def _halt(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "os.rename":
        return
    target = str(arguments[1])
    if f"/workspace/{_STAGE}/" not in target or not target.endswith(("artifact.json", "run.json")):
        return
    try:
        note = os.open(f"{_GATE}/halted", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        return
    os.write(note, str(os.getpid()).encode())
    os.close(note)
    while not Path(_GATE, "go").exists():
        time.sleep(0.05)


if _STAGE and _GATE:
    sys.addaudithook(_halt)
