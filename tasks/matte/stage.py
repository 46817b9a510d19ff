"""Turn the admitted crops of one source into the mattes table."""

from typing import NamedTuple

import numpy as np

from tasks.common.digests import content_key
from tasks.common.media.images import (
    Alpha,
    Mask,
    encode_png,
    read_grey,
    read_rgb,
    to_alpha,
    to_codes,
)
from tasks.common.media.person_part import tight_box
from tasks.common.progress import track
from tasks.common.recipe.models import MatteRecipe
from tasks.common.records import AdmittedTable, CropsTable, Drop, MattesTable, PosesTable, Source
from tasks.common.schema.channels import machine_channel
from tasks.common.schema.rows import Admitted, Crop, Matte, Pose
from tasks.common.settings import settings
from tasks.common.weights.catalogue import Weights, catalogue, find_weights, weights_of_role
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.matte import VERSION
from tasks.matte.cache import MatteStore, StoredAlpha
from tasks.matte.fuse import Body, fuse, without_foreign_parts
from tasks.matte.masks import to_mask
from tasks.matte.prompts import Prompts
from tasks.matte.provided import provided_alpha
from tasks.matte.segment import Prompt

_RAW_DECIMALS = 6  # further digits differ between machines
_SHARE_DECIMALS = 6


class _Models(NamedTuple):
    """The stores of the models, and whether the pose model's mask is an opinion as well."""

    own: MatteStore
    second: MatteStore | None
    fused: list[MatteStore]
    with_pose_mask: bool


class _Person(NamedTuple):
    """A crop to matte, with the person's pose and what a model of segmentation is told."""

    crop: Crop
    pose: Pose | None
    prompt: Prompt


def matte_key(
    crops: CropsTable,
    screened: AdmittedTable,
    recipe: MatteRecipe,
    poses: PosesTable | None = None,
) -> str:
    """Name the artifact by crops, poses, those admitted, this part of the recipe, the weights."""
    models = [weights.identity for weights in _weights(recipe)]
    parts = [crops.digest, poses and poses.digest, screened.digest]
    # What it may cost decides whether an answer is bought, not what it is.
    free = recipe.model_copy(update={"removebg_credits_a_day": None})
    return content_key("matte", VERSION, *parts, free, models)


def matte_crops(
    out: ArtifactWriter,
    source: Source,
    crops: CropsTable,
    screened: AdmittedTable,
    recipe: MatteRecipe,
    poses: PosesTable | None = None,
) -> MattesTable:
    """Write alpha and mask of each admitted crop; crops in = mattes + drops."""
    models = _models(recipe, out.workspace)
    rows, bodies = _admitted(crops, screened, out.workspace), _poses_by_crop(poses, out.workspace)
    prompts = Prompts(out.workspace.rows(Crop, crops), bodies)
    mattes: list[Matte] = []
    drops: list[Drop] = []
    for crop in track(rows, "matte", len(rows)):
        person = _Person(crop, bodies.get(crop.crop_id), prompts.of(crop))
        matte = _matte_one(person, models, recipe, out)
        if matte is None:
            drops.append(_empty(crop.crop_id, recipe))
        else:
            mattes.append(matte)
    return MattesTable(out.commit_rows(Matte, mattes, drops, n_in=len(rows)))


def matte_paths(
    crops: CropsTable,
    screened: AdmittedTable,
    recipe: MatteRecipe,
    workspace: Workspace,
    poses: PosesTable | None = None,
) -> list[str]:
    """Return the paths of the stored mattes of a source's crops, which other runs share.

    Not of those that a service answered: asking again would cost money and give the same.
    """
    rows = _admitted(crops, screened, workspace)
    prompts = Prompts(workspace.rows(Crop, crops), _poses_by_crop(poses, workspace))
    free = [weights for weights in _weights(recipe) if weights.service is None]
    stores = [MatteStore(workspace, weights, settings()) for weights in free]
    return [
        store.path_of(crop.digest, prompts.of(crop) if store.takes_prompts else None)
        for store in stores
        for crop in rows
    ]


def _poses_by_crop(poses: PosesTable | None, workspace: Workspace) -> dict[str, Pose]:
    rows = workspace.rows(Pose, poses) if poses is not None else []
    return {pose.crop_id: pose for pose in rows}


def _weights(recipe: MatteRecipe) -> list[Weights]:
    """Return the models of masks that a recipe names: its own first, each once."""
    poses = weights_of_role("pose")  # their masks come with the pose
    others = [recipe.second_opinion] if recipe.second_opinion else []
    names = [recipe.model, *others, *(name for name in recipe.opinions if name not in poses)]
    segmenting = weights_of_role("segmentation")
    return [
        segmenting[name] if name in segmenting else find_weights(name, "matting")
        for name in dict.fromkeys(names)
    ]


def _models(recipe: MatteRecipe, workspace: Workspace) -> _Models:
    limit = recipe.removebg_credits_a_day or 0.0
    stores = {
        weights.name: MatteStore(workspace, weights, settings(), limit)
        for weights in _weights(recipe)
    }
    return _Models(
        own=stores[recipe.model],
        second=stores[recipe.second_opinion] if recipe.second_opinion else None,
        fused=[stores[name] for name in recipe.opinions if name in stores],
        with_pose_mask=any(name in weights_of_role("pose") for name in recipe.opinions),
    )


def _admitted(crops: CropsTable, screened: AdmittedTable, workspace: Workspace) -> list[Crop]:
    admitted = {row.crop_id for row in workspace.rows(Admitted, screened)}
    return [crop for crop in workspace.rows(Crop, crops) if crop.crop_id in admitted]


def _matte_one(
    person: _Person, models: _Models, recipe: MatteRecipe, out: ArtifactWriter
) -> Matte | None:
    """Write alpha and mask of one crop; None where the mask is empty inside the person's box."""
    crop = person.crop
    is_provided = crop.given_path is not None
    is_fused = bool(recipe.opinions) and not is_provided
    body = _body(person.pose, out.workspace)
    if crop.given_path is not None:
        alpha = provided_alpha(crop.crop_id, crop.given_path, crop.given_digest, out)
    elif is_fused:
        alpha = _fused(person, body, models, out)
    else:
        alpha = models.own.matte_of(crop.path, crop.digest)
    marked = mask = to_mask(alpha.prediction.alpha, recipe.threshold)
    if not is_provided:  # a person drew that one
        mask = without_foreign_parts(marked, crop.person_in_crop, body)
    box = tight_box(mask, crop.person_in_crop, recipe.margin)
    if box is None:  # before the second model, which would be called in vain
        return None
    second = models.second.matte_of(crop.path, crop.digest) if models.second else None
    mask_path, mask_digest = out.put(f"{crop.crop_id}.png", encode_png(mask))
    names = [recipe.model, *recipe.opinions]
    model, digests = "+".join(names), [_digest(catalogue()[name]) for name in names]
    return Matte(
        crop_id=crop.crop_id,
        alpha_path=alpha.path,
        alpha_digest=alpha.digest,
        mask_path=mask_path,
        mask_digest=mask_digest,
        tight_box_xyxy=box,
        raw_min=round(alpha.prediction.raw_min, _RAW_DECIMALS),
        raw_max=round(alpha.prediction.raw_max, _RAW_DECIMALS),
        second_path=second and second.path,
        second_digest=second and second.digest,
        model="given" if is_provided else model,
        model_digest=crop.given_digest or "+".join(digests),
        channel=crop.channel if is_provided else machine_channel(model),
        foreign_share=_foreign_share(marked[box.slices], mask[box.slices]),
    )


def _digest(weights: Weights) -> str:
    return weights.sha256 or weights.identity


def _foreign_share(marked: Mask, mask: Mask) -> float:
    n_marked = int(np.count_nonzero(marked))
    return round(1.0 - int(np.count_nonzero(mask)) / n_marked, _SHARE_DECIMALS) if n_marked else 0.0


def _fused(person: _Person, body: Body | None, models: _Models, out: ArtifactWriter) -> StoredAlpha:
    """Fuse the model's alpha with the other opinions and write the result."""
    crop = person.crop
    own = models.own.matte_of(crop.path, crop.digest).prediction
    opinions = [own.alpha, *_others(person, models)]
    if models.with_pose_mask and body is not None and body.mask is not None:
        opinions.append(body.mask)
    rgb = read_rgb(out.workspace.path(crop.path))
    codes = to_codes(fuse(opinions, rgb, crop.person_in_crop))
    path, digest = out.put(f"{crop.crop_id}-alpha.png", encode_png(codes))
    # The 8-bit codes, as a later reader of the file sees them; the raw range is the own model's.
    return StoredAlpha(own._replace(alpha=to_alpha(codes)), path, digest)


def _others(person: _Person, models: _Models) -> list[Alpha]:
    """Return what the other models say of a crop.

    A network that segments and sees no person says nothing, rather than that nobody is there.
    """
    crop, said = person.crop, []
    for store in models.fused:
        prompt = person.prompt if store.takes_prompts else None
        alpha = store.matte_of(crop.path, crop.digest, prompt).prediction.alpha
        if alpha.any() or prompt is None:
            said.append(alpha)
    return said


def _body(pose: Pose | None, workspace: Workspace) -> Body | None:
    if pose is None:
        return None
    mask: Alpha | None = None
    if pose.mask_path is not None:
        mask = to_alpha(read_grey(workspace.path(pose.mask_path)))
    return Body(np.array(pose.points_xy, np.float32), np.array(pose.seen, np.float32), mask)


def _empty(crop_id: str, recipe: MatteRecipe) -> Drop:
    models = "+".join([recipe.model, *recipe.opinions])
    return Drop(
        item=crop_id,
        stage="matte",
        reason="mask_empty",
        value=0.0,
        bound=recipe.threshold,
        sentence=f"{models} marks no pixel inside the detected box as person.",
    )
