"""The matte task: the admitted crops of one source become alpha mattes and masks."""

from tasks.common.recipe.models import MatteRecipe
from tasks.common.records import AdmittedTable, CropsTable, PosesTable
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.caching import stage_task
from tasks.matte import VERSION
from tasks.matte.stage import matte_crops, matte_key, matte_paths

matte = stage_task("matte", matte_crops, version=VERSION, key=matte_key)


def invalidate_mattes(
    crops: CropsTable,
    screened: AdmittedTable,
    recipe: MatteRecipe,
    poses: PosesTable | None = None,
) -> None:
    """Remove the stored mattes of a source, so that the next run calls the models again."""
    workspace = Workspace.of(settings())
    workspace.remove(matte_paths(crops, screened, recipe, workspace, poses))
