"""Erasure in Prefect: artifacts with pictures and names, and runs whose tasks are named so."""

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import TaskRunFilter, TaskRunFilterName
from prefect.exceptions import ObjectNotFound

from tasks.common.workspace.erase import Searched
from tasks.common.workspace.needles import Needles

T = TypeVar("T")
_PAGE = 200  # the most that Prefect's server gives at once
_SHEETS = "ingest-crops-"  # contact sheets: pictures, whose text names nobody


def erase_from_prefect(
    needles: Needles, source_ids: tuple[str, ...], run_ids: frozenset[str]
) -> list[Searched]:
    """Delete what Prefect's database has of a person, and search it once more.

    `run_ids` are the runs of the workspace that had the person's sources. A contact sheet whose run
    the workspace does not know goes as well, since nothing says whom it shows.
    """
    with get_client(sync_client=True) as client:
        for artifact in [a for a in _artifacts(client) if _names(a, needles, run_ids)]:
            client.delete_artifact(artifact.id)
        doomed = {run.id for run in _flow_runs(client) if _is_about(run, needles)}
        for source_id in source_ids:
            doomed |= {run.flow_run_id for run in _task_runs(client, source_id) if run.flow_run_id}
        for flow_run in doomed:
            try:
                client.delete_flow_run(flow_run)
            except ObjectNotFound:  # a subflow goes with its parent
                continue
        artifacts, runs = list(_artifacts(client)), list(_flow_runs(client))
        held = [a.key or str(a.id) for a in artifacts if _names(a, needles, run_ids)]
        named = [str(run.id) for run in runs if _is_about(run, needles)]
        named += [str(run.id) for name in source_ids for run in _task_runs(client, name)]
    return [
        Searched("Prefect artifacts", len(artifacts), tuple(held)),
        Searched("Prefect runs", len(runs), tuple(named)),
    ]


def _names(artifact: Any, needles: Needles, run_ids: frozenset[str]) -> bool:
    text = json.dumps([artifact.key, artifact.description, artifact.data], ensure_ascii=False)
    is_sheet = (artifact.key or "").startswith(_SHEETS)
    return needles.are_in(text) or (is_sheet and str(artifact.flow_run_id)[:8] in run_ids)


def _is_about(run: Any, needles: Needles) -> bool:
    return needles.are_in(json.dumps([run.name, run.parameters], ensure_ascii=False, default=str))


def _artifacts(client: SyncPrefectClient) -> Iterator[Any]:
    return _pages(lambda offset: client.read_artifacts(limit=_PAGE, offset=offset))


def _flow_runs(client: SyncPrefectClient) -> Iterator[Any]:
    return _pages(lambda offset: client.read_flow_runs(limit=_PAGE, offset=offset))


def _task_runs(client: SyncPrefectClient, source_id: str) -> Iterator[Any]:
    """Yield the task runs of a source: they are called `<stage>-<source>`."""
    by_name = TaskRunFilter(name=TaskRunFilterName(like_=f"-{source_id}"))
    runs = _pages(
        lambda offset: client.read_task_runs(task_run_filter=by_name, limit=_PAGE, offset=offset)
    )
    return (run for run in runs if str(run.name).endswith(f"-{source_id}"))


def _pages(read: Callable[[int], list[T]]) -> Iterator[T]:
    offset = 0
    while page := read(offset):
        yield from page
        offset += len(page)
