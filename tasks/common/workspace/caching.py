"""How a room's function becomes a Prefect task: key, verified cache, retries, names.

The only file of `tasks.common` that knows Prefect.
"""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import Any, ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE, CachePolicy
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext
from prefect.results import get_result_store
from prefect.tasks import exponential_backoff

from tasks.common.digests import content_key
from tasks.common.errors import WorldError
from tasks.common.records import Stage
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace

P = ParamSpec("P")
R = TypeVar("R")

_RETRIES = 3
_FIRST_DELAY_S = 5
_JITTER = 0.5
_STALE = b"stale"  # Prefect takes a record that it cannot read for a miss


@dataclass
class VerifiedArtifacts(CachePolicy):
    """A cache policy whose hits count only while the artifact behind them is whole."""

    stage: Stage = "download"
    version: int = 0
    name_key: Callable[..., str] = content_key

    def compute_key(
        self,
        task_ctx: TaskRunContext,
        inputs: dict[str, Any],
        flow_parameters: dict[str, Any],
        **kwargs: Any,
    ) -> str | None:
        """Return `<stage>/v<version>/<source>/<artifact key>`, after withdrawing a stale record."""
        wanted = signature(self.name_key).parameters
        key = self.name_key(**{name: inputs[name] for name in wanted})
        record = f"{self.stage}/v{self.version}/{inputs['source'].source_id}/{key}"
        store = get_result_store()
        if store.exists(record) and Workspace.of(settings()).find(self.stage, key) is None:
            storage: Any = store.result_storage  # typed as async, but dispatches on its caller
            storage.write_path(record, content=_STALE)
        return record


def _is_worth_retrying(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    return isinstance(state.result(raise_on_failure=False), WorldError)


# No tags: Prefect asks its server for a concurrency slot before each tagged task, which was seen to
# hold up a cached run by two seconds at every first task of a stage.
_RETRYING: dict[str, Any] = {
    "retries": _RETRIES,
    "retry_delay_seconds": exponential_backoff(_FIRST_DELAY_S),
    "retry_jitter_factor": _JITTER,
    "retry_condition_fn": _is_worth_retrying,
}


def stage_task(
    stage: Stage, *, version: int, key: Callable[..., str]
) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a task of one stage for one source.

    `key` takes those of the task's parameters that shape the artifact, by name, and returns the
    artifact's key. One parameter of the task must be `source`, which gives the run its name.
    """
    return task(
        name=stage,
        task_run_name=f"{stage}-{{source.source_id}}",
        cache_policy=VerifiedArtifacts(stage=stage, version=version, name_key=key),
        persist_result=True,
        result_serializer="json",
        **_RETRYING,
    )


def run_task(stage: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a task that works once per run and always looks at the world as it is now."""
    return task(
        name=stage,
        task_run_name=stage,
        cache_policy=NO_CACHE,
        persist_result=True,
        result_serializer="json",
        **_RETRYING,
    )
