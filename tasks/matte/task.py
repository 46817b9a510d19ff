"""The matte task: the admitted crops of one source become alpha mattes and masks."""

from tasks.common.recipe.models import MatteRecipe
from tasks.common.records import Source, StageResult
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace, reuse_or_make
from tasks.common.workspace.caching import stage_task
from tasks.matte import VERSION
from tasks.matte.stage import matte_crops, matte_key, matte_paths

__all__ = ["matte", "withdraw_mattes"]


@stage_task("matte", version=VERSION, key=matte_key)
def matte(
    source: Source,
    crops: StageResult,
    screened: StageResult,
    recipe: MatteRecipe,
) -> StageResult:
    """Matte the crops of one source that the first rules let through."""
    return reuse_or_make(
        Workspace.of(settings()),
        "matte",
        matte_key(crops, screened, recipe),
        lambda out: matte_crops(crops, screened, recipe, settings(), out),
    )


def withdraw_mattes(crops: StageResult, screened: StageResult, recipe: MatteRecipe) -> None:
    """Let the mattes of a source not be there any more, so that the models are asked again."""
    workspace = Workspace.of(settings())
    workspace.remove(matte_paths(crops, screened, recipe, settings(), workspace))
