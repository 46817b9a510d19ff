"""Set up a Prefect server for the deployments; a second run changes nothing.

`python -m deployments.setup` creates the work pool, deploys prefect.yaml, makes the server refuse
unknown parameters, and creates an automation that marks runs without a heartbeat as crashed. If the
workspace is in a bucket, task results go there too.
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
from prefect.events.actions import ChangeFlowRunState, RunDeployment
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.exceptions import ObjectNotFound

from flows.engine.prefect_env import prepare_environment
from flows.engine.review_events import RECEIVED
from tasks.common.errors import InputError, MatteflowError
from tasks.common.settings import settings

PROJECT = Path(__file__).resolve().parents[1]
POOLS = Path(__file__).parent / "pools"
# The automation is found by its name: servers that are set up already have it under this one.
SILENT = "matteflow: runs that fell silent are crashed"
REPUBLISH = "matteflow: corrections that came back are published"
RESULTS = "matteflow-results"
# Settings that all machines share: no folders of one machine, no secrets.
_IS_SHARED = re.compile(
    # A negative list, so that a new setting reaches the workers without a change here.
    r"MATTEFLOW_(?!HOME|MODELS|SCRATCH|POOL|PROJECT|BIN|TOKEN|REMOVEBG_KEY).*|AWS_ENDPOINT_URL_S3|AWS_DEFAULT_REGION"
)
_SILENCE = timedelta(seconds=90)  # three missed heartbeats
_FLOWS = (
    "ingest",
    "ingest-batch",
    "publish",
    "review-send",
    "review-receive",
    "rerun",
    "maintain",
)
_ALIVE = "prefect.flow-run.heartbeat"
# Whatever is heard of a run ends the watch until its next heartbeat. A list of the states in which
# runs end would not do: events bear the state's name, such as PartialFailure, and a run that ended
# under a name that is not listed was marked as crashed in the middle of its Retry.
_HEARD = "prefect.flow-run.*"


def main(arguments: Sequence[str] | None = None) -> None:
    """Set up the server that PREFECT_API_URL names."""
    parser = argparse.ArgumentParser(prog="python -m deployments.setup", description=__doc__)
    parser.add_argument("--pool", default="local", help="name of the work pool (default: local)")
    parser.add_argument(
        "--type",
        default="process",
        help="type of the pool: process, docker or kubernetes (default: process)",
    )
    parser.add_argument(
        "--limit", type=int, help="maximum number of flow runs of the pool at a time"
    )
    parser.add_argument(
        "--project",
        default=str(PROJECT),
        help="folder of the code on the workers (default: this clone)",
    )
    options = parser.parse_args(arguments)
    try:
        set_up(options.pool, options.type, options.limit, options.project)
    except MatteflowError as error:
        sys.exit(f"setup: {error}")


def set_up(pool: str, kind: str, limit: int | None, project: str) -> None:
    """Create or update pool, deployments, automation and result storage, in this order.

    Deployments name the pool, and only deployments that exist can be made to refuse parameters.

    Raises:
        InputError: an option is wrong, the server does not answer, or `prefect deploy` failed.
    """
    # Before the first request: Prefect reads these variables when it is imported or connects.
    prepare_environment()
    with get_client(sync_client=True) as client:
        _require_server(client)
        print(f"work pool {pool} ({kind}): {make_pool(client, pool, kind, limit)}")
        deploy(pool, project)
        print(f"unknown parameters are refused: {refuse_unknown_parameters(client)} deployments")
        print(f"automations: {make_automations(client)}")
        if settings().shared:
            print(f"task results are stored in: {store_results_in_bucket(client)}")


def _require_server(client: SyncPrefectClient) -> None:
    problem = client.api_healthcheck()
    if not os.environ.get("PREFECT_API_URL") or problem is not None:
        raise InputError(
            f"No Prefect server answers at {client.api_url} "
            f"({problem or 'PREFECT_API_URL is not set'}). Start one with `make up` or "
            "`prefect server start`, and set PREFECT_API_URL."
        )


def make_pool(client: SyncPrefectClient, name: str, kind: str, limit: int | None) -> str:
    """Create or update the work pool, with the job template of its type in deployments/pools.

    Raises:
        InputError: a pool of this name exists with another type.
    """
    template = make_template(kind)
    try:
        pool: WorkPool = client.read_work_pool(name)
    except ObjectNotFound:
        client.create_work_pool(
            WorkPoolCreate(
                name=name, type=kind, base_job_template=template, concurrency_limit=limit
            )
        )
        return "created"
    if pool.type != kind:
        raise InputError(
            f"The work pool {name} has the type {pool.type}, not {kind}; choose another name "
            "with --pool."
        )
    client.update_work_pool(
        name,
        WorkPoolUpdate(
            # An empty template would reset a process pool that an operator has configured.
            base_job_template=template or pool.base_job_template,
            concurrency_limit=limit,
        ),
    )
    return "updated"


def make_template(kind: str) -> dict[str, Any]:
    """Return the job template of a type of pool; an empty one stands for Prefect's default.

    Jobs get this machine's settings, except folders and secrets.

    Raises:
        InputError: the type is unknown.
    """
    template = _template(kind)
    if template:
        shared = {name: value for name, value in os.environ.items() if _IS_SHARED.fullmatch(name)}
        template["variables"]["properties"]["env"]["default"] = shared
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
    """Create or update the deployments in prefect.yaml.

    Raises:
        InputError: `prefect deploy` failed; its output is in the sentence.
    """
    # prefect.yaml reads both variables; a process of its own, since `deploy` is a command only.
    environment = os.environ | {"MATTEFLOW_POOL": pool, "MATTEFLOW_PROJECT": project}
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise InputError(f"`prefect deploy --all` failed: {(done.stderr or done.stdout)[-1500:]}")


def refuse_unknown_parameters(client: SyncPrefectClient) -> int:
    """Make the server refuse unknown parameters; return the number of deployments.

    By default Prefect (3.8.8) accepts them, and the run crashes when it starts.
    """
    deployments = [
        deployment
        for deployment in client.read_deployments()
        if deployment.entrypoint and _is_matteflow(client, deployment)
    ]
    for deployment in deployments:
        schema = dict(deployment.parameter_openapi_schema or {}) | {"additionalProperties": False}
        client.update_deployment(
            deployment.id,
            DeploymentUpdate(parameter_openapi_schema=schema, enforce_parameter_schema=True),
        )
    return len(deployments)


def _is_matteflow(client: SyncPrefectClient, deployment: Any) -> bool:
    return client.read_flow(deployment.flow_id).name in _FLOWS


def make_automations(client: SyncPrefectClient) -> str:
    """Create or update the automations of the deployments; return what was done to each.

    Whether one is switched on stays as an operator left it.
    """
    publish = client.read_deployment_by_name("publish/publish")
    republish = Automation(
        name=REPUBLISH,
        description="Publishes the newest run when corrections came back. Off at first.",
        enabled=False,
        trigger=EventTrigger(
            expect={RECEIVED},
            match={"prefect.resource.id": "matteflow.order.*"},
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[RunDeployment(deployment_id=publish.id, parameters={})],
    )
    done = {automation.name: _make(client, automation) for automation in (_silence(), republish)}
    return ", ".join(f"{name}: {what}" for name, what in done.items())


def _silence() -> Automation:
    """Return the automation that marks a run as crashed after 90 s without a heartbeat.

    A crashed run can be retried. A worker reports when the process of a run ends; the automation
    covers the loss of a whole host, and with it the worker.
    """
    return Automation(
        name=SILENT,
        description="Runs send a heartbeat every 30 s. Flows must not pause or suspend.",
        trigger=silence_trigger(),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                message="No heartbeat for 90 s: the process or host of the run was lost. Retry it.",
            )
        ],
    )


def _make(client: SyncPrefectClient, automation: Automation) -> str:
    # Two setups at the same time may both have created it; one is enough.
    existing = client.read_automations_by_name(automation.name)
    # The first one stays, so its history in the UI stays too.
    for surplus in existing[1:]:
        client.delete_automation(surplus.id)
    if existing:
        automation.enabled = existing[0].enabled
        client.update_automation(existing[0].id, automation)
        return "updated"
    automation.create()
    return "created"


def silence_trigger() -> EventTrigger:
    """Return what fires for a run of which nothing is heard for 90 s after a heartbeat."""
    return EventTrigger(
        after={_ALIVE},
        expect={_HEARD},
        match={"prefect.resource.id": "prefect.flow-run.*"},
        match_related={"prefect.resource.role": "flow", "prefect.resource.name": list(_FLOWS)},
        for_each={"prefect.resource.id"},
        # Proactive: it fires when the expected event does not come.
        posture=Posture.Proactive,
        threshold=1,
        within=_SILENCE,
    )


def store_results_in_bucket(client: SyncPrefectClient) -> str:
    """Store task results in the bucket of the workspace, so that workers share the cache.

    The block has an address and no secrets: each worker uses the credentials of its environment.

    Raises:
        InputError: prefect-aws is not installed.
    """
    try:
        from prefect_aws import AwsClientParameters, AwsCredentials, S3Bucket
    except ImportError as error:
        raise InputError(
            "The workspace is in a bucket, so task results must be stored there too, but "
            "prefect-aws is not installed; run: pip install 'matteflow[s3]'."
        ) from error
    bucket, _, prefix = settings().shared.removeprefix("s3://").partition("/")
    endpoint = settings().s3_endpoint or os.environ.get("AWS_ENDPOINT_URL_S3") or None
    credentials = AwsCredentials(
        region_name=os.environ.get("AWS_DEFAULT_REGION"),
        aws_client_parameters=AwsClientParameters(endpoint_url=endpoint),
    )
    folder = "/".join(part for part in [*prefix.split("/"), "results"] if part)
    block = S3Bucket(bucket_name=bucket, bucket_folder=folder, credentials=credentials)
    # `save` returns a coroutine only inside an event loop, and none runs here.
    block_id = cast(UUID, block.save(RESULTS, overwrite=True))
    # The server's default: flows and tasks name no storage of their own.
    client.update_server_default_result_storage(block_id)
    return f"s3://{bucket}/{folder}"


if __name__ == "__main__":
    main()
