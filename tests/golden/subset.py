"""The golden subset: what a small run publishes, in two versions, as text that people can read.

`python -m tests.golden.subset` records it after a change that is meant; the difference is for
whoever reviews it.
"""

import tempfile
from pathlib import Path

from tasks.common.records import SourceOutcome
from tasks.common.schema.tables import plain_rows
from tasks.common.store.folder import FolderStore
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.publish.read import find_base, read_base
from tasks.publish.registry import VersionRegistry
from tests.dataset.builders import judged, source
from tests.dataset.crops import Crop
from tests.dataset.trees import build, push, recipe

FOLDER = Path(__file__).with_name("subset")
_BINARY = (".jpg", ".png", ".html")  # pictures, and a page that is made of them
SCENES = [
    {"id": "green", "zh": "公园与草地", "en": "Parks and lawns", "phrases": ["草地", "park"]},
    {"id": "walls", "zh": "墙面与涂鸦", "en": "Walls and graffiti", "phrases": ["墙", "wall"]},
]
PART = recipe(
    note="golden",
    language="zh",
    val_share=0.3,
    description="检查发布内容的小样例。",
    limits=["仅为测试。"],
    scenes=SCENES,
    scene_overrides=[{"item": "walk-b", "add": ["walls"]}, {"item": "gone", "remove": ["green"]}],
)


def batches(workspace: Workspace) -> tuple[list[SourceOutcome], list[SourceOutcome]]:
    """Return what two collections gave; the second ties itself to both sides of the first."""
    first = [
        judged(
            workspace,
            source("walk", scenes=("公园草地",), uploader="ann", licence="CC-BY-4.0", batch="1"),
            [Crop("a"), Crop("b"), Crop("c", "drop", "sharpness", "It is | blurred.")],
        ),
        judged(
            workspace,
            source("dance", scenes=("on a wall",), session="square", licence="CC0-1.0", batch="1"),
            [Crop("a"), Crop("b", "review", "mask_whole", "In two parts.")],
        ),
        judged(workspace, source("jump", uploader="ann", batch="1"), [Crop("a", hash=0xFFFF)]),
    ]
    second = [
        judged(workspace, source("late", session="square", batch="2"), [Crop("a"), Crop("b")]),
        judged(workspace, source("tie", uploader="ann", session="square", batch="2"), [Crop("a")]),
        judged(workspace, source("twin", batch="2"), [Crop("a", hash=0xFFFF ^ 0b1111), Crop("b")]),
    ]
    return first, second


def publish_golden(folder: Path) -> dict[str, bytes]:
    """Publish both batches, one upon the other; return the texts of both versions by name."""
    workspace, registry = (
        Workspace(folder / "workspace"),
        VersionRegistry(FolderStore(folder / "store")),
    )
    first, second = batches(workspace)
    texts: dict[str, bytes] = {}
    for number, outcomes in enumerate((first, [*first, *second]), start=1):
        base = read_base(registry, find_base(registry, PART.name, "other inputs"))
        out = ArtifactWriter(workspace, "dataset", f"{number:040d}")
        tree = build(workspace, outcomes, PART, out, base=base)
        push(tree, workspace, registry.store, name=PART.name)
        for row in plain_rows(workspace.items(tree)):
            if not row["name"].endswith(_BINARY) and row["name"] != "MANIFEST.sha256":
                texts[f"v{number}/{row['name']}"] = workspace.path(row["path"]).read_bytes()
    return texts


def recorded() -> dict[str, bytes]:
    """Return the golden subset as it is recorded."""
    files = (path for path in FOLDER.rglob("*") if path.is_file())
    return {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in files}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        for name, data in publish_golden(Path(made)).items():
            (FOLDER / name).parent.mkdir(parents=True, exist_ok=True)
            (FOLDER / name).write_bytes(data)
