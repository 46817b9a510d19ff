"""`matteflow explain`."""

from typing import Annotated

import typer

from flows.cli.options import RunOption
from flows.cli.tables import print_explanation
from flows.explain import explain_crop
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace


def explain(
    crop: Annotated[str, typer.Argument(help="A crop's id, or its first characters.")],
    run: RunOption = "",
) -> None:
    """Explain why a crop was kept, dropped or held for review: each value beside its bounds."""
    # No server is needed: a finished run is in the workspace.
    print_explanation(explain_crop(crop, run or None, Workspace.of(settings())))
