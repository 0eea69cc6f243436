"""
docker-compose.yaml with an engine: one story, whose tests rely on those before them. `make test-compose` runs it.

It needs a Docker engine, Docker Compose 2.20 or later, and the images that docker-compose.yaml names. Where no registry
can be reached, `compose/stand_ins/make.sh` makes stand-ins for them, which are taken if they are there.
"""

import subprocess
from collections.abc import Iterator

import pytest
import requests

from compose.stack import PROJECT, STAND_INS, Stack, wait_for
from local_stack.ports import free_port

DAG = "retrain_aws"
DATE = "2026-01-07"
KILLED = (
    "postgres",
    "redis",
    "local-aws",
    "airflow-scheduler",
    "airflow-dag-processor",
    "airflow-triggerer",
    "airflow-worker",
    "airflow-apiserver",
)


def _succeeds(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


pytestmark = pytest.mark.skipif(not _succeeds("docker", "info"), reason="There is no Docker engine here.")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = STAND_INS if all(_succeeds("docker", "image", "inspect", image) for image in STAND_INS.values()) else {}
    print(f"Images: {', '.join(settings.values()) or 'those of docker-compose.yaml'}")
    folder = tmp_path_factory.mktemp("compose")
    for parent in (folder, folder.parent, folder.parent.parent):
        parent.chmod(0o755)  # the user of the containers reads the mounted code
    running = Stack(folder / "package", (free_port(), free_port()), settings)
    try:
        yield running
    finally:
        print(running.compose("ps", "--all"), running.compose("logs", "--tail", "40"), sep="\n")
        running.compose("down", "--volumes", "--timeout", "20")


@pytest.fixture(scope="module")
def run_id(stack: Stack) -> str:
    """A run that holds an endpoint while the tests kill what they can."""
    stack.up("--build")
    return stack.trigger(DAG, date=DATE, deploy="always", keep_endpoint_minutes=60)


def endpoint_of(stack: Stack) -> str | None:
    endpoints = stack.aws("sagemaker").list_endpoints(StatusEquals="InService")["Endpoints"]
    return endpoints[0]["EndpointName"] if endpoints else None


def answer_of(stack: Stack, endpoint: str) -> bytes:
    body = b'{"instances": ["cold starts halved"]}'
    answer = stack.aws("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint, ContentType="application/json", Body=body
    )
    read: bytes = answer["Body"].read()
    return read


def test_up_waits_until_all_is_healthy(stack: Stack, run_id: str) -> None:
    services = stack.services()

    assert len(services) == 9
    assert {service["Health"] for service in services} == {"healthy"}


def test_the_ui_asks_for_a_login_and_the_dags_are_switched_on(stack: Stack, run_id: str) -> None:
    assert requests.get(f"{stack.url}/api/v2/dags", timeout=30).status_code == 401
    dags = wait_for(lambda: stack.api("GET", "dags")["dags"], 120)
    assert DAG in {dag["dag_id"] for dag in dags}
    assert not any(dag["is_paused"] for dag in dags)


def test_links_lead_to_the_port(stack: Stack, run_id: str) -> None:
    program = "from hashtag_retrain.notices import run_url; print(run_url('a', 'b'))"

    for service in ("airflow-worker", "airflow-dag-processor"):
        assert f"{stack.url}/dags/a/runs/b" in stack.compose("exec", "-T", service, "python", "-c", program)


def test_a_run_deploys_an_endpoint_that_answers(stack: Stack, run_id: str) -> None:
    wait_for(lambda: stack.task_states(DAG, run_id).get("hold_endpoint") == "deferred", 900)

    assert b"__label__" in answer_of(stack, str(endpoint_of(stack)))


def test_every_part_may_be_killed(stack: Stack, run_id: str) -> None:
    endpoint = str(endpoint_of(stack))
    before = answer_of(stack, endpoint)
    for service in KILLED:
        stack.kill(service)
    stack.up()

    assert answer_of(stack, endpoint) == before
    assert stack.run_state(DAG, run_id) == "running"


def test_a_deletion_that_was_queued_when_redis_was_killed_does_not_wait(stack: Stack, run_id: str) -> None:
    stack.compose("stop", "airflow-worker")
    path = f"dags/{DAG}/dagRuns/{run_id}/taskInstances/hold_endpoint"
    stack.api("PATCH", path, json={"new_state": "success"})
    wait_for(lambda: stack.task_states(DAG, run_id)["delete_endpoint"] == "queued", 120)
    stack.kill("redis")
    stack.up()

    wait_for(lambda: endpoint_of(stack) is None, 120)
    wait_for(lambda: stack.run_state(DAG, run_id) == "success", 300)


def test_a_changed_hashtags_file_needs_no_build(stack: Stack, run_id: str) -> None:
    with (stack.folder / "include" / "sample_data" / "hashtags.yaml").open("a") as file:
        file.write('\ncompose:\n  labels: {"0": technical, "1": marketing}\n  wait_hours: 0\n')

    wait_for(lambda: "retrain_compose" in {dag["dag_id"] for dag in stack.api("GET", "dags")["dags"]}, 180)


def test_down_ends_all_and_up_brings_it_back(stack: Stack, run_id: str) -> None:
    stack.compose("down")
    listed = subprocess.run(
        ["docker", "ps", "--quiet", "--filter", f"label=com.docker.compose.project={PROJECT}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert listed.stdout == ""
    stack.up()

    assert stack.run_state(DAG, run_id) == "success"
    packages = stack.aws("sagemaker").list_model_packages(ModelPackageGroupName="retrain-aws")
    assert packages["ModelPackageSummaryList"]


def test_the_logs_of_its_containers_are_bounded(stack: Stack, run_id: str) -> None:
    containers = stack.compose("ps", "--quiet").split()
    command = ["docker", "inspect", "--format", '{{index .HostConfig.LogConfig.Config "max-size"}}', *containers]

    assert set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()) == {"10m"}
