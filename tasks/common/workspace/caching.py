"""Turn a room's function into a Prefect task: key, verified cache, retries, names.

The only module of `tasks.common` that imports Prefect.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from inspect import signature
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from prefect import Task, task
from prefect.cache_policies import NO_CACHE, CachePolicy
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext
from prefect.results import get_default_result_storage, get_result_store
from prefect.serializers import JSONSerializer
from prefect.tasks import exponential_backoff

from tasks.common.digests import content_key
from tasks.common.errors import WorldError
from tasks.common.records import Stage, StageResult
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
Table = TypeVar("Table", bound=StageResult)

# After about 5, 10 and 20 s: longer outages are for the next run, which reuses all finished work.
_RETRIES = 3
_FIRST_DELAY_S = 5
# Tasks that one outage stopped must not all come back in the same second.
_JITTER = 0.5
_STALE = b"stale"  # Prefect treats a record that it cannot parse as a cache miss


@dataclass
class VerifiedArtifacts(CachePolicy):
    """A cache policy whose hits count only while the artifact behind them is undamaged."""

    stage: Stage = "download"
    version: int = 0
    name_key: Callable[..., str] = content_key
    accept: Callable[..., bool] | None = None

    def compute_key(
        self,
        task_ctx: TaskRunContext,
        inputs: dict[str, Any],
        flow_parameters: dict[str, Any],
        **kwargs: Any,
    ) -> str | None:
        """Return `<stage>/v<version>/<source>/<artifact key>`.

        Prefect checks only its own record of the result. If the artifact behind it is missing or
        damaged, the record is overwritten first, so that the task runs again. So is a record that
        is not, byte for byte, what this artifact's own result gives: Prefect would load it in
        whatever way it names, and one of these ways runs code (pickle).
        """
        key = _call_by_name(self.name_key, inputs)
        record = f"{self.stage}/v{self.version}/{inputs['source'].source_id}/{key}"
        store = get_result_store().model_copy(update={"serializer": JSONSerializer()})
        default: Any = get_default_result_storage  # both are typed as async, but dispatch
        storage: Any = store.result_storage or default(_sync=True)
        stored = _read(storage, record)
        if stored is not None:
            result = _find(self.stage, key, self.accept, inputs)
            own = store.create_result_record(result, key=record).serialize() if result else _STALE
            if stored != own:
                storage.write_path(record, content=own)
        return record


def _read(storage: Any, record: str) -> bytes | None:
    """Return a record's bytes without loading what they hold; None if there is none."""
    try:
        return bytes(storage.read_path(record))
    except Exception:  # each kind of storage has its own for what does not exist
        return None


def _is_worth_retrying(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    return isinstance(state.result(raise_on_failure=False), WorldError)


# No tags: before each tagged task Prefect asks its server for a concurrency slot, which delayed a
# cached run by two seconds at the first task of every stage (docs/decisions/0004).
_RETRYING: dict[str, Any] = {
    "retries": _RETRIES,
    "retry_delay_seconds": exponential_backoff(_FIRST_DELAY_S),
    "retry_jitter_factor": _JITTER,
    "retry_condition_fn": _is_worth_retrying,
}


def stage_task(
    stage: Stage,
    make: Callable[Concatenate[ArtifactWriter, P], Table],
    *,
    version: int,
    key: Callable[..., str],
    accept: Callable[..., bool] | None = None,
) -> Task[P, Table]:
    """Return the task of one stage for one source: it reuses the stage's artifact or makes it.

    `make` takes the writer of the artifact first. Its other parameters are those of the task; one
    of them is `source`, which names the task run. `key` takes those of the task's parameters that
    shape the artifact, by name, and returns the artifact's key. `accept` takes a stored `result`
    beside them, and says whether it may be reused; without it any undamaged one may.
    """
    own = signature(make)
    _, *parameters = own.parameters.values()  # all but the writer
    inputs_only = own.replace(parameters=parameters)

    @wraps(make)
    def run(*args: P.args, **kwargs: P.kwargs) -> Table:
        inputs = inputs_only.bind(*args, **kwargs).arguments
        name = _call_by_name(key, inputs)
        result = _find(stage, name, accept, inputs) or make(
            ArtifactWriter(Workspace.of(settings()), stage, name), *args, **kwargs
        )
        return cast(Table, result)  # the stage's own table, whether it was reused or made

    # `wraps` points at `make`, whose writer Prefect would take for a parameter of the task.
    run.__signature__ = inputs_only  # type: ignore[attr-defined]  # typeshed's functions lack it
    return task(
        name=stage,
        task_run_name=f"{stage}-{{source.source_id}}",
        cache_policy=VerifiedArtifacts(stage=stage, version=version, name_key=key, accept=accept),
        persist_result=True,
        result_serializer="json",  # readable, and no pickle that could run code when it is loaded
        **_RETRYING,
    )(run)


def _find(
    stage: Stage, key: str, accept: Callable[..., bool] | None, inputs: Mapping[str, Any]
) -> StageResult | None:
    """Return the stored artifact if it can be trusted and may be reused for these inputs."""
    result = Workspace.of(settings()).find(stage, key)
    if result is None or accept is None:
        return result
    return result if _call_by_name(accept, {**inputs, "result": result}) else None


def _call_by_name(function: Callable[..., T], inputs: Mapping[str, Any]) -> T:
    return function(**{name: inputs[name] for name in signature(function).parameters})


def run_task(stage: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a task that runs once per run and is never cached: it depends on the store's state."""
    return task(
        name=stage,
        task_run_name=stage,
        cache_policy=NO_CACHE,
        persist_result=True,
        result_serializer="json",
        **_RETRYING,
    )
