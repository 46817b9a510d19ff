"""Scenes proposed by a CLIP network: a tiny one with random weights, through the real loader."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tasks.common.errors import WeightsError
from tasks.common.files import digest_file
from tasks.common.recipe.publish import SceneGroup
from tasks.common.recipe.scene_files import read_overrides
from tasks.common.recipe.scenes import SceneFinder
from tasks.common.weights.catalogue import Weights
from tasks.common.weights.fetch import require_weights
from tasks.common.workspace.artifacts import Workspace
from tasks.review.clip import Tagger
from tasks.review.scene_proposals import propose_scenes
from tests.dataset.builders import judged, picture, source
from tests.dataset.crops import Crop
from tests.dataset.trees import recipe
from tests.deduplicate.builders import run_crops
from tests.tiers import needs

if TYPE_CHECKING:
    import torch

TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 16, "patch_size": 16, "head_width": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
SCENES = (
    SceneGroup(id="green", zh="绿", en="A lawn", phrases=("lawn",)),
    SceneGroup(id="wall", zh="墙", en="A wall", phrases=("wall",), prompts=("a wall", "graffiti")),
)


def module_tree(state: "dict[str, torch.Tensor]") -> "torch.nn.Module":
    """Return parameters under the names of a model, to be saved as TorchScript, as OpenAI did."""
    import torch

    class Node(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    root = Node()
    for name, tensor in state.items():
        *parents, last = name.split(".")
        node: torch.nn.Module = root
        for parent in parents:
            if parent not in dict(node.named_children()):
                node.add_module(parent, torch.nn.Module())
            node = getattr(node, parent)
        node.register_parameter(last, torch.nn.Parameter(tensor))
    return root


@pytest.fixture(scope="module")
@needs("slow")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a network of one layer, as plain weights and as a TorchScript archive."""
    import open_clip  # here, since it takes four seconds
    import torch
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("models")
    (folder / "tiny-test.json").write_text(json.dumps(TINY))
    open_clip.add_model_config(folder / "tiny-test.json")
    torch.manual_seed(0)
    model = open_clip.create_model("tiny-test")
    save_file(model.state_dict(), folder / "tiny.safetensors")
    torch.jit.save(torch.jit.script(module_tree(model.state_dict())), folder / "tiny.pt")
    return folder


def weights_of(models: Path, file: str) -> Weights:
    digest = digest_file(models / file)
    return Weights.model_validate(
        {"name": "tiny", "role": "tagger", "file": file, "sha256": digest, "licence": "none",
         "session": "tiny-test", "from": ()}
    )  # fmt: skip


def tagger_of(models: Path, file: str = "tiny.safetensors") -> Tagger:
    found = weights_of(models, file)
    return Tagger(found, require_weights(found, models), SCENES, "cpu")


def test_scores_lie_between_0_and_1_and_repeat(tiny_clip: Path) -> None:
    pictures = [picture("a"), picture("b"), picture("a")]
    scores = tagger_of(tiny_clip).scores(pictures)
    assert scores.shape == (3, 2)
    assert ((scores > 0) & (scores < 1)).all()
    assert np.allclose(scores[0], scores[2])
    assert not np.allclose(scores[0], scores[1])


def test_a_torchscript_archive_says_the_same_as_plain_weights(tiny_clip: Path) -> None:
    plain, archive = (tagger_of(tiny_clip, file) for file in ("tiny.safetensors", "tiny.pt"))
    assert np.allclose(plain.scores([picture("a")]), archive.scores([picture("a")]))


def test_only_scores_from_the_least_are_proposed_best_first(tiny_clip: Path) -> None:
    tagger = tagger_of(tiny_clip)
    everything = list(tagger.propose([("a", picture("a"))], 0.0))
    assert {found.scene for found in everything} == {"green", "wall"}
    assert everything[0].score >= everything[1].score
    bound = everything[0].score
    found = next(tagger.propose([("a", picture("a"))], bound - 0.001))
    assert found.scene == everything[0].scene
    assert list(tagger.propose([("a", picture("a"))], 1.0)) == []


def test_proposals_are_a_file_that_a_recipe_takes_when_somebody_names_it(
    tiny_clip: Path, tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path)
    line = source("s", scenes=("lawn",))
    outcome = judged(workspace, line, [Crop("a"), Crop("b", "drop", "x", "No")])
    kept = run_crops(workspace, outcome).of("keep")
    part = recipe(scenes=[scene.model_dump() for scene in SCENES])
    data = propose_scenes(kept, {"s": line}, part, tagger_of(tiny_clip), 0.0, workspace)
    (tmp_path / "proposals.csv").write_bytes(data)
    found = read_overrides(tmp_path / "proposals.csv")
    assert found == [{"item": "s-a", "add": ["wall"]}]  # green it has, the other crop is dropped
    taken = recipe(scenes=[scene.model_dump() for scene in SCENES], scene_overrides=found)
    assert SceneFinder(part).of(line, "s-a") == ("green",)
    assert SceneFinder(taken).of(line, "s-a") == ("green", "wall")


def test_other_bytes_than_the_catalogue_promises_do_not_load(tiny_clip: Path) -> None:
    wrong = weights_of(tiny_clip, "tiny.pt").model_copy(update={"sha256": "0" * 64})
    with pytest.raises(WeightsError):
        require_weights(wrong, tiny_clip)
