"""Turn the admitted crops of one source into the mattes table."""

import json
from typing import Any

from tasks.common.digests import content_key
from tasks.common.media.images import encode_png
from tasks.common.progress import track
from tasks.common.recipe.models import MatteRecipe
from tasks.common.records import Drop, StageResult
from tasks.common.schema.tables import MATTES, make_table, plain_rows
from tasks.common.settings import Settings
from tasks.common.weights.catalogue import find_weights
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.matte import VERSION
from tasks.matte.cache import MatteStore
from tasks.matte.masks import tight_box, to_mask
from tasks.matte.provided import given_matte


def matte_key(crops: StageResult, screened: StageResult, recipe: MatteRecipe) -> str:
    """Name the artifact by the crops, those admitted, this part of the recipe, the weights."""
    models = [find_weights(name, "matting").identity for name in _models(recipe)]
    return content_key("matte", VERSION, crops.digest, screened.digest, recipe, models)


def _models(recipe: MatteRecipe) -> list[str]:
    return [recipe.model, *([recipe.second_opinion] if recipe.second_opinion else [])]


def matte_crops(
    crops: StageResult,
    screened: StageResult,
    recipe: MatteRecipe,
    settings: Settings,
    out: ArtifactWriter,
) -> StageResult:
    """Write alpha and mask of each admitted crop; crops in = mattes + drops."""
    stores = _stores(recipe, settings, out.workspace)
    rows = _admitted(crops, screened, out.workspace)
    mattes: list[dict[str, Any]] = []
    drops: list[Drop] = []
    for crop in track(rows, "matte", len(rows)):
        made = _matte_one(crop, stores, recipe, out)
        if made is None:
            drops.append(_empty(crop["crop_id"], recipe))
        else:
            mattes.append(made)
    return out.commit(make_table(mattes, MATTES), drops, n_in=len(rows))


def matte_paths(
    crops: StageResult,
    screened: StageResult,
    recipe: MatteRecipe,
    settings: Settings,
    workspace: Workspace,
) -> list[str]:
    """Return where the mattes of a source lie that are shared with whoever has the same crops."""
    stores = _stores(recipe, settings, workspace)
    rows = _admitted(crops, screened, workspace)
    return [store.path_of(row["digest"]) for store in stores for row in rows]


def _stores(recipe: MatteRecipe, settings: Settings, workspace: Workspace) -> list[MatteStore]:
    models = [find_weights(name, "matting") for name in _models(recipe)]
    return [MatteStore(workspace, weights, settings) for weights in models]


def _admitted(
    crops: StageResult, screened: StageResult, workspace: Workspace
) -> list[dict[str, Any]]:
    admitted = set(workspace.items(screened)["crop_id"])
    return [row for row in plain_rows(workspace.items(crops)) if row["crop_id"] in admitted]


def _matte_one(
    crop: dict[str, Any], stores: list[MatteStore], recipe: MatteRecipe, out: ArtifactWriter
) -> dict[str, Any] | None:
    store, *others = stores
    is_given = crop["given_path"] is not None
    made, alpha_path, alpha_digest = (
        given_matte(crop, out) if is_given else store.matte_of(crop["path"], crop["digest"])
    )
    mask = to_mask(made.alpha, recipe.threshold)
    left, top, _, _ = json.loads(crop["crop_box_xyxy"])
    x0, y0, x1, y1 = json.loads(crop["person_box_xyxy"])
    box = tight_box(mask, (x0 - left, y0 - top, x1 - left, y1 - top), recipe.margin)
    if box is None:
        return None
    second: dict[str, Any] = {}
    for other in others:
        _, path, digest = other.matte_of(crop["path"], crop["digest"])
        second = {"second_path": path, "second_digest": digest}
    mask_path, mask_digest = out.put(f"{crop['crop_id']}.png", encode_png(mask))
    weights = find_weights(recipe.model, "matting")
    return {
        "crop_id": crop["crop_id"],
        "alpha_path": alpha_path,
        "alpha_digest": alpha_digest,
        "mask_path": mask_path,
        "mask_digest": mask_digest,
        "tight_box_xyxy": json.dumps(box),
        "raw_min": round(made.raw_min, 6),
        "raw_max": round(made.raw_max, 6),
        "model": "given" if is_given else weights.name,
        "model_digest": crop["given_digest"] if is_given else weights.sha256,
        "channel": crop["channel"] if is_given else f"rembg {weights.name}",
        **second,
    }


def _empty(crop_id: str, recipe: MatteRecipe) -> Drop:
    return Drop(
        item=crop_id,
        stage="matte",
        reason="mask_empty",
        value=0.0,
        bound=recipe.threshold,
        sentence=f"{recipe.model} marks no pixel inside the detected box as person.",
    )
