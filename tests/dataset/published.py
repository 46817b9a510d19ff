"""Publication of outcomes as the flows do it, in this process and without a server."""

from collections.abc import Sequence
from datetime import datetime

import pytest

from flows.engine import publication
from tasks.common.recipe.models import Recipe
from tasks.common.records import Publication, SourceOutcome

_TASKS = ("deduplicate", "review", "dataset", "publish")


def publish_without_prefect(
    outcomes: tuple[SourceOutcome, ...],
    recipe: Recipe,
    store: str,
    now: datetime,
    revive: bool = False,
    drop: Sequence[str] = (),
) -> Publication:
    """Publish outcomes; each task is called as the function that it wraps."""
    with pytest.MonkeyPatch.context() as patched:
        for name in _TASKS:
            patched.setattr(publication, name, getattr(publication, name).fn)
        return publication.publish_outcomes(outcomes, recipe, store, now, revive, drop)
