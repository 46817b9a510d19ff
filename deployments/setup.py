"""Make on a Prefect server what the deployments need; run again, it changes nothing.

`python -m deployments.setup` makes the work pool, deploys prefect.yaml, closes the forms to unknown
parameters, and lets runs whose process is gone count as crashed. With a workspace in a bucket it
also lets results lie there.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from prefect.automations import Automation
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentUpdate, WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.objects import StateType, WorkPool
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.exceptions import ObjectNotFound

from flows.engine.prefect_env import prepare_environment
from tasks.common.errors import InputError, MatteflowError
from tasks.common.settings import settings

PROJECT = Path(__file__).resolve().parents[1]
POOLS = Path(__file__).parent / "pools"
SILENT = "matteflow: runs that fell silent are crashed"
RESULTS = "matteflow-results"
_IS_SHARED = re.compile(
    r"MATTEFLOW_(?!HOME|MODELS|SCRATCH|POOL|PROJECT|BIN|TOKEN).*|AWS_ENDPOINT_URL_S3|AWS_DEFAULT_REGION"
)
_SILENCE = timedelta(seconds=90)  # three heartbeats
_FLOWS = ("ingest", "ingest-batch", "publish", "rerun", "maintain")
_ALIVE = "prefect.flow-run.heartbeat"
_ENDED = ("Completed", "Failed", "Crashed", "Cancelled", "Cancelling", "Paused", "Suspended")


def main(arguments: Sequence[str] | None = None) -> None:
    """Set up the server that PREFECT_API_URL names."""
    parser = argparse.ArgumentParser(prog="python -m deployments.setup", description=__doc__)
    parser.add_argument("--pool", default="local", help="the work pool's name (local)")
    parser.add_argument("--type", default="process", help="process, docker or kubernetes")
    parser.add_argument("--limit", type=int, help="flow runs of the pool at once")
    parser.add_argument("--project", default=str(PROJECT), help="where workers find the code")
    asked = parser.parse_args(arguments)
    try:
        set_up(asked.pool, asked.type, asked.limit, asked.project)
    except MatteflowError as error:
        sys.exit(f"setup: {error}")


def set_up(pool: str, kind: str, limit: int | None, project: str) -> None:
    """Make everything, in the order in which one thing needs the other.

    Raises:
        InputError: something is wrong with the request or the server; the sentence says what.
    """
    prepare_environment()
    with get_client(sync_client=True) as client:
        _require_server(client)
        print(f"work pool {pool} ({kind}): {make_pool(client, pool, kind, limit)}")
        deploy(pool, project)
        print(f"forms closed to unknown parameters: {close_forms(client)} deployments")
        print(f"automation for silent runs: {make_automation(client)}")
        if settings().shared:
            print(f"results in the bucket of the workspace: {keep_results_in_bucket(client)}")


def _require_server(client: SyncPrefectClient) -> None:
    problem = client.api_healthcheck()
    if not os.environ.get("PREFECT_API_URL") or problem is not None:
        raise InputError(
            f"No Prefect server answers at {client.api_url} "
            f"({problem or 'PREFECT_API_URL is not set'}). Start one with `make up` or "
            "`prefect server start`, and set PREFECT_API_URL."
        )


def make_pool(client: SyncPrefectClient, name: str, kind: str, limit: int | None) -> str:
    """Make or update the work pool; its job template comes from deployments/pools, if any is there.

    Raises:
        InputError: a pool of this name and another type is there.
    """
    template = make_template(kind)
    try:
        there: WorkPool = client.read_work_pool(name)
    except ObjectNotFound:
        client.create_work_pool(
            WorkPoolCreate(
                name=name, type=kind, base_job_template=template, concurrency_limit=limit
            )
        )
        return "made"
    if there.type != kind:
        raise InputError(
            f"The work pool {name} is there with the type {there.type}, not {kind}; choose another "
            "name with --pool."
        )
    client.update_work_pool(
        name,
        WorkPoolUpdate(
            base_job_template=template or there.base_job_template, concurrency_limit=limit
        ),
    )
    return "there"


def make_template(kind: str) -> dict[str, Any]:
    """Return the job template of a kind of pool; empty takes Prefect's own.

    Jobs start with those settings of this machine that name no folder and no secret.

    Raises:
        InputError: there is no such kind.
    """
    template = _template(kind)
    if template:
        given = {name: value for name, value in os.environ.items() if _IS_SHARED.fullmatch(name)}
        template["variables"]["properties"]["env"]["default"] = given
    return template


def _template(kind: str) -> dict[str, Any]:
    path = POOLS / f"{kind}.json"
    if path.is_file():
        return dict(json.loads(path.read_text(encoding="utf-8")))
    if kind == "process":
        return {}
    raise InputError(
        f"There is no {path.name} in {POOLS}; known types: process, docker, kubernetes."
    )


def deploy(pool: str, project: str) -> None:
    """Deploy what prefect.yaml lists.

    Raises:
        InputError: Prefect refused; its words are in the sentence.
    """
    environment = os.environ | {"MATTEFLOW_POOL": pool, "MATTEFLOW_PROJECT": project}
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise InputError(f"`prefect deploy --all` failed: {(done.stderr or done.stdout)[-1500:]}")


def close_forms(client: SyncPrefectClient) -> int:
    """Let the server refuse parameters that a flow does not know, which else crash the run."""
    found = [run for run in client.read_deployments() if run.entrypoint and _is_ours(client, run)]
    for deployment in found:
        schema = dict(deployment.parameter_openapi_schema or {}) | {"additionalProperties": False}
        client.update_deployment(
            deployment.id,
            DeploymentUpdate(parameter_openapi_schema=schema, enforce_parameter_schema=True),
        )
    return len(found)


def _is_ours(client: SyncPrefectClient, deployment: Any) -> bool:
    return client.read_flow(deployment.flow_id).name in _FLOWS


def make_automation(client: SyncPrefectClient) -> str:
    """Let a run that was alive and says nothing for 90 s count as crashed, so it can be retried.

    A worker tells of a process that died under it; this is for hosts that are gone.
    """
    wanted = Automation(
        name=SILENT,
        description="Runs say every 30 s that they are alive. So nothing may pause or suspend.",
        trigger=EventTrigger(
            after={_ALIVE},
            expect={_ALIVE, *(f"prefect.flow-run.{state}" for state in _ENDED)},
            match={"prefect.resource.id": "prefect.flow-run.*"},
            match_related={"prefect.resource.role": "flow", "prefect.resource.name": list(_FLOWS)},
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=_SILENCE,
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                message="The run said nothing for 90 s: its process or host is gone. Retry it.",
            )
        ],
    )
    there = client.read_automations_by_name(SILENT)
    for surplus in there[1:]:
        client.delete_automation(surplus.id)
    if there:
        client.update_automation(there[0].id, wanted)
        return "there"
    wanted.create()
    return "made"


def keep_results_in_bucket(client: SyncPrefectClient) -> str:
    """Let task results lie beside the artifacts, so that workers share what is cached.

    The block holds an address and no secret: credentials come from where AWS tools look.

    Raises:
        InputError: prefect-aws is not installed.
    """
    try:
        from prefect_aws import AwsClientParameters, AwsCredentials, S3Bucket
    except ImportError as error:
        raise InputError(
            "The workspace lies in a bucket, so results should too, but prefect-aws is not "
            "installed; run: pip install 'matteflow[s3]'."
        ) from error
    bucket, _, prefix = settings().shared.removeprefix("s3://").partition("/")
    endpoint = settings().s3_endpoint or os.environ.get("AWS_ENDPOINT_URL_S3") or None
    credentials = AwsCredentials(
        region_name=os.environ.get("AWS_DEFAULT_REGION"),
        aws_client_parameters=AwsClientParameters(endpoint_url=endpoint),
    )
    folder = "/".join(part for part in [*prefix.split("/"), "results"] if part)
    block = S3Bucket(bucket_name=bucket, bucket_folder=folder, credentials=credentials)
    # A coroutine only inside an event loop, and there is none here.
    block_id = cast(UUID, block.save(RESULTS, overwrite=True))
    client.update_server_default_result_storage(block_id)
    return f"s3://{bucket}/{folder}"


if __name__ == "__main__":
    main()
