"""The matte task: the admitted crops of one source become alpha mattes and masks."""

from tasks.common.recipe.models import MatteRecipe
from tasks.common.records import AdmittedTable, CropsTable, PosesTable
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.caching import stage_task
from tasks.matte import VERSION
from tasks.matte.removebg import require_key
from tasks.matte.stage import matte_crops, matte_key, matte_paths

matte = stage_task("matte", matte_crops, version=VERSION, key=matte_key)


def require_services(recipe: MatteRecipe) -> None:
    """Require that this machine may ask the services that a recipe names, before any work.

    Raises:
        InputError: a key is missing.
    """
    if recipe.services:
        require_key(settings())


def invalidate_mattes(
    crops: CropsTable,
    screened: AdmittedTable,
    recipe: MatteRecipe,
    poses: PosesTable | None = None,
) -> None:
    """Remove the stored mattes of a source, so that the next run calls the models again."""
    workspace = Workspace.of(settings())
    workspace.remove(matte_paths(crops, screened, recipe, workspace, poses))
