"""Where a flow's tasks run: on threads of this process, or on a Dask cluster."""

from typing import Any

from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from tasks.common.errors import InputError
from tasks.common.settings import settings


def task_runner() -> TaskRunner[Any]:
    """Return the task runner that the settings name.

    Raises:
        InputError: the settings ask for Dask, and prefect-dask is not installed.
    """
    config = settings()
    if config.task_runner == "threads":
        # One task per source in flight, and one for the tasks of the whole run.
        return ThreadPoolTaskRunner(max_workers=config.sources_in_flight + 1)
    try:
        from prefect_dask.task_runners import DaskTaskRunner
    except ImportError as error:
        raise InputError(
            "MATTEFLOW_TASK_RUNNER is dask, but prefect-dask is not installed; run: "
            "pip install 'matteflow[dask]'. Without it leave the setting at threads."
        ) from error
    if config.dask_address:
        return DaskTaskRunner(address=config.dask_address)
    return DaskTaskRunner(
        cluster_kwargs={
            "n_workers": config.sources_in_flight,
            "threads_per_worker": 1,
            # No open port: the dashboard has no authentication.
            "dashboard_address": None,
        }
    )
