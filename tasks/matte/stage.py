"""Turn the admitted crops of one source into the mattes table."""

from tasks.common.digests import content_key
from tasks.common.media.images import encode_png
from tasks.common.progress import track
from tasks.common.recipe.models import MatteRecipe
from tasks.common.records import AdmittedTable, CropsTable, Drop, MattesTable, Source
from tasks.common.schema.rows import Admitted, Crop, Matte
from tasks.common.settings import settings
from tasks.common.weights.catalogue import find_weights
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.matte import VERSION
from tasks.matte.cache import MatteStore
from tasks.matte.masks import tight_box, to_mask
from tasks.matte.provided import provided_alpha

_RAW_DECIMALS = 6  # further digits differ between machines


def matte_key(crops: CropsTable, screened: AdmittedTable, recipe: MatteRecipe) -> str:
    """Name the artifact by the crops, those admitted, this part of the recipe, the weights."""
    # All models: a second opinion is stored in the table too.
    models = [find_weights(name, "matting").identity for name in _models(recipe)]
    return content_key("matte", VERSION, crops.digest, screened.digest, recipe, models)


def _models(recipe: MatteRecipe) -> list[str]:
    return [recipe.model, *([recipe.second_opinion] if recipe.second_opinion else [])]


def matte_crops(
    out: ArtifactWriter,
    source: Source,
    crops: CropsTable,
    screened: AdmittedTable,
    recipe: MatteRecipe,
) -> MattesTable:
    """Write alpha and mask of each admitted crop; crops in = mattes + drops."""
    stores = _stores(recipe, out.workspace)
    rows = _admitted(crops, screened, out.workspace)
    mattes: list[Matte] = []
    drops: list[Drop] = []
    for crop in track(rows, "matte", len(rows)):
        matte = _matte_one(crop, stores, recipe, out)
        if matte is None:
            drops.append(_empty(crop.crop_id, recipe))
        else:
            mattes.append(matte)
    return MattesTable(out.commit_rows(Matte, mattes, drops, n_in=len(rows)))


def matte_paths(
    crops: CropsTable, screened: AdmittedTable, recipe: MatteRecipe, workspace: Workspace
) -> list[str]:
    """Return the paths of the stored mattes of a source's crops, which other runs share."""
    stores = _stores(recipe, workspace)
    rows = _admitted(crops, screened, workspace)
    return [store.path_of(crop.digest) for store in stores for crop in rows]


def _stores(recipe: MatteRecipe, workspace: Workspace) -> list[MatteStore]:
    """Return a store per model: the recipe's own first, then that of the second opinion."""
    models = [find_weights(name, "matting") for name in _models(recipe)]
    return [MatteStore(workspace, weights, settings()) for weights in models]


def _admitted(crops: CropsTable, screened: AdmittedTable, workspace: Workspace) -> list[Crop]:
    admitted = {row.crop_id for row in workspace.rows(Admitted, screened)}
    return [crop for crop in workspace.rows(Crop, crops) if crop.crop_id in admitted]


def _matte_one(
    crop: Crop, stores: list[MatteStore], recipe: MatteRecipe, out: ArtifactWriter
) -> Matte | None:
    """Write alpha and mask of one crop; None where the mask is empty inside the person's box."""
    own, *second_opinions = stores
    is_provided = crop.given_path is not None
    alpha = (
        own.matte_of(crop.path, crop.digest)
        if crop.given_path is None
        else provided_alpha(crop.crop_id, crop.given_path, crop.given_digest, out)
    )
    mask = to_mask(alpha.prediction.alpha, recipe.threshold)
    box = tight_box(mask, crop.person_in_crop, recipe.margin)
    # No pixel of the mask in the box: whatever the network cut out is somebody else.
    if box is None:  # before the second model is called, whose result would not be used
        return None
    # A drawn mask gets a second opinion as well: it shows annotations that do not fit.
    second = next((store.matte_of(crop.path, crop.digest) for store in second_opinions), None)
    mask_path, mask_digest = out.put(f"{crop.crop_id}.png", encode_png(mask))
    weights = find_weights(recipe.model, "matting")
    return Matte(
        crop_id=crop.crop_id,
        alpha_path=alpha.path,
        alpha_digest=alpha.digest,
        mask_path=mask_path,
        mask_digest=mask_digest,
        tight_box_xyxy=box,
        # Kept for people who look for pictures without a person: their range is narrow.
        raw_min=round(alpha.prediction.raw_min, _RAW_DECIMALS),
        raw_max=round(alpha.prediction.raw_max, _RAW_DECIMALS),
        second_path=second and second.path,
        second_digest=second and second.digest,
        model="given" if is_provided else weights.name,
        model_digest=crop.given_digest or weights.sha256,
        channel=crop.channel if is_provided else f"rembg {weights.name}",
    )


def _empty(crop_id: str, recipe: MatteRecipe) -> Drop:
    return Drop(
        item=crop_id,
        stage="matte",
        reason="mask_empty",
        value=0.0,
        bound=recipe.threshold,
        sentence=f"{recipe.model} marks no pixel inside the detected box as person.",
    )
