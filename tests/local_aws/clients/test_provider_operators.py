"""
The provider's own operators and sensors for SageMaker, as they come, in every mode, against the local AWS.

What succeeds is run by Airflow (`dag.test`): rendered, deferred and resumed, its result passed through XCom. What fails
or has one mode only is called as worker and triggerer call it, which is quicker.
"""

import asyncio
import functools
import io
import itertools
import json
import os
import re
import tarfile
import time
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.amazon.aws.hooks import sagemaker as hooks
from airflow.providers.amazon.aws.operators import sagemaker as operators
from airflow.providers.amazon.aws.operators.sagemaker import (
    SageMakerDeleteModelOperator,
    SageMakerEndpointConfigOperator,
    SageMakerEndpointOperator,
    SageMakerModelOperator,
    SageMakerRegisterModelVersionOperator,
    SageMakerTrainingOperator,
    SageMakerTransformOperator,
    SageMakerTuningOperator,
    serialize,
)
from airflow.providers.amazon.aws.sensors import sagemaker as sensors
from airflow.providers.amazon.aws.sensors.sagemaker import (
    SageMakerEndpointSensor,
    SageMakerTrainingSensor,
    SageMakerTransformSensor,
    SageMakerTuningSensor,
)
from airflow.providers.amazon.aws.utils.sagemaker import ApprovalStatus
from airflow.sdk import DAG, chain
from airflow.sdk.exceptions import AirflowException, TaskDeferred
from botocore.exceptions import ClientError, WaiterError
from botocore.loaders import JSONFileLoader
from structlog.testing import capture_logs

from include.aws.requests import endpoint_request, training_request
from include.blazingtext.hyperparameters import to_request
from include.config.ownership import as_tags
from tests.conftest import IMAGE, ROLE_ARN, TRAIN

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
ENDLESS = {"epochs": 1_000_000, "early_stopping": False}
SLOW = {"epochs": 500, "early_stopping": False}
"""Still training when a deferrable operator has printed the log's beginning and asks whether to defer."""
NO_MODEL = "(Failed to download model data|did not pass the ping health check)"
CONTEXT: Any = {}
_numbers = itertools.count(1)

SYNCHRONOUS: dict[str, Any] = {"deferrable": False}
DEFERRED: dict[str, Any] = {"deferrable": True}
LATER: dict[str, Any] = {"wait_for_completion": False}
"""Not waited for by the operator; a sensor follows it in every test."""
MODES = pytest.mark.parametrize("mode", [SYNCHRONOUS, DEFERRED, LATER], ids=["synchronous", "deferred", "sensor"])
WAITING = pytest.mark.parametrize("mode", [SYNCHRONOUS, DEFERRED], ids=["synchronous", "deferred"])


class Run:
    """A finished run of a DAG: its tasks' states and results by their ids, and the lines of their logs."""

    def __init__(self, dag_run: Any, log: list[str], deferrals: int):
        instances = dag_run.get_task_instances()
        self.states = {instance.task_id: str(instance.state) for instance in instances}
        self.results = {instance.task_id: instance.xcom_pull(instance.task_id) for instance in instances}
        self.links = {i.task_id: i.xcom_pull(i.task_id, key="sagemaker_transform_job_details") for i in instances}
        self.log, self.deferrals = log, deferrals


@pytest.fixture(scope="module", autouse=True)
def parsed_once():
    """Each hook has a botocore session of its own, and each parses SageMaker's 3 MB model: half of the tests' time."""
    load = functools.cache(functools.partial(JSONFileLoader.load_file, JSONFileLoader()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: load(path))
        yield


@pytest.fixture(autouse=True)
def quick_clock(monkeypatch):
    """
    With print_log the hook asks for the job's status when 30 s have passed on the monotonic clock, whatever
    check_interval says. Here that clock, and nothing else, runs 300 times as fast.
    """
    quick_time = SimpleNamespace(**vars(time) | {"monotonic": lambda: 300 * time.monotonic()})
    for module in (hooks, operators, sensors):
        monkeypatch.setattr(module, "time", quick_time)


@pytest.fixture
def run_dag(airflow_database, local_aws, monkeypatch, tmp_path, caplog):
    """Run tasks one after the other as a DAG, in this process."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db

    # dag.test parses the whole bundle again each time; an empty one spares the project's own DAGs.
    bundle = {"name": "dags-folder", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle"}
    bundles = json.dumps([bundle | {"kwargs": {"path": str(tmp_path)}}])
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", bundles)

    def run(*tasks: Any) -> Run:
        dag = DAG(f"provider-{next(_numbers)}", schedule=None)
        for task in tasks:
            dag.add_task(task)
        chain(*tasks)
        bag = DagBag(os.devnull)
        bag.bag_dag(dag)
        DagBundlesManager().sync_bundles_to_db()
        sync_bag_to_db(bag, "dags-folder", None)
        with capture_logs() as entries:
            dag_run = dag.test()
        return Run(dag_run, lines_of(entries), caplog.text.count("[DAG TEST] running trigger in line"))

    return run


def lines_of(entries: Any) -> list[str]:
    """The messages of structlog's entries."""
    arguments = ((entry["event"], entry.get("positional_args") or ()) for entry in entries)
    return [str(event) % values if values else str(event) for event, values in arguments]


def finish(operator: Any) -> Any:
    """Execute, and when it defers wait for the trigger's event and resume."""
    try:
        return operator.execute(CONTEXT)
    except TaskDeferred as deferral:
        trigger = deferral.trigger
        trigger = type(trigger)(**trigger.serialize()[1])  # as it comes out of the database

        async def event() -> Any:
            return (await anext(trigger.run())).payload

        return getattr(operator, deferral.method_name)(CONTEXT, event=asyncio.run(event()))


@pytest.fixture(scope="module")
def s3(client):
    return client("s3")


@pytest.fixture(scope="module")
def bucket(s3) -> str:
    """With the data to train on, and two tweets to predict."""
    name = "provider-operators"
    s3.create_bucket(Bucket=name)
    for channel in ("train", "validation"):
        s3.put_object(Bucket=name, Key=f"{channel}/{channel}.txt", Body=TRAIN)
    s3.put_object(Bucket=name, Key="batch/tweets.jsonl", Body=b'{"source": "hello world"}\n{"source": "good bye"}\n')
    return name


def new_name() -> str:
    return f"provider-{next(_numbers)}"


@pytest.fixture(scope="module")
def training(bucket):
    """CreateTrainingJob requests, each for a job of its own."""

    def request(**hyperparameters: Any) -> dict[str, Any]:
        return training_request(
            job_name=new_name(),
            image=IMAGE,
            role_arn=ROLE_ARN,
            train_uri=f"s3://{bucket}/train/",
            validation_uri=f"s3://{bucket}/validation/",
            output_uri=f"s3://{bucket}/models",
            instance_type="ml.c5.xlarge",
            tags={"team": "tweets"},
            hyperparameters=to_request({"epochs": 6, "buckets": 100, **hyperparameters}),
        )

    return request


@pytest.fixture(scope="module")
def trained(sagemaker, training) -> dict[str, Any]:
    """A completed training job's description."""
    request = training()
    sagemaker.create_training_job(**request)
    return wait_for_job(sagemaker, request["TrainingJobName"])


@pytest.fixture(scope="module")
def model_uri(trained) -> str:
    return trained["ModelArtifacts"]["S3ModelArtifacts"]


def wait_for_job(sagemaker: Any, name: str) -> dict[str, Any]:
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(
        TrainingJobName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 600}
    )
    return sagemaker.describe_training_job(TrainingJobName=name)


def in_xcom(description: dict[str, Any]) -> dict[str, Any]:
    """A description as the operators return it, without what differs from call to call."""
    return serialize({key: value for key, value in description.items() if key != "ResponseMetadata"})


def without_metadata(result: dict[str, Any]) -> dict[str, Any]:
    return {kind: {k: v for k, v in entry.items() if k != "ResponseMetadata"} for kind, entry in result.items()}


def body_of(s3: Any, uri: str) -> bytes:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()


# Training


def train(request: dict[str, Any], **mode: Any) -> SageMakerTrainingOperator:
    return SageMakerTrainingOperator(task_id="train", config=request, check_interval=0.1, **mode)


def sense_training(name: str, **arguments: Any) -> SageMakerTrainingSensor:
    return SageMakerTrainingSensor(task_id="sense", job_name=name, poke_interval=0.1, **arguments)


def logged(client: Any, name: str) -> list[str]:
    """The lines of a job's log in CloudWatch."""
    logs = client("logs")
    (stream,) = logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{name}/")["logStreams"]
    events = logs.get_log_events(logGroupName=LOG_GROUP, logStreamName=stream["logStreamName"], startFromHead=True)
    return [event["message"] for event in events["events"]]


@pytest.mark.parametrize("print_log", [False, True], ids=["quiet", "print_log"])
@WAITING
def test_training_leaves_a_model_in_every_mode(run_dag, training, sagemaker, s3, mode, print_log):
    request = training(**{**SLOW, "epochs": 2000})  # so that it has not ended before the first look
    request["ResourceConfig"]["InstanceCount"] = "{{ 1 }}"  # rendered as a string: the operator makes it a number

    run = run_dag(train(request, print_log=print_log, **mode))

    assert run.states == {"train": "success"}
    job = sagemaker.describe_training_job(TrainingJobName=request["TrainingJobName"])
    assert job["TrainingJobStatus"] == "Completed"
    assert without_metadata(run.results["train"]) == {"Training": in_xcom(job)}
    with tarfile.open(fileobj=io.BytesIO(body_of(s3, job["ModelArtifacts"]["S3ModelArtifacts"]))) as archive:
        assert archive.getnames() == ["model.bin"]
    # Any of the three messages of this status: which one depends on when it is first asked for.
    assert any(" Starting - " in line for line in run.log) is print_log
    assert run.deferrals == mode["deferrable"]
    assert any(re.fullmatch(r"Billable seconds: \d+", line) for line in run.log) is not mode["deferrable"]


def test_the_jobs_log_is_printed_line_by_line_while_it_trains(training, client):
    request = training()

    with capture_logs() as entries:
        finish(train(request, print_log=True))

    lines = logged(client, request["TrainingJobName"])
    assert [line for line in lines_of(entries) if line in set(lines)] == lines
    assert "Arguments: train" in lines
    assert "#validation_accuracy: 1.0000" in lines
    assert any(line.endswith("Completed - Training job completed") for line in lines_of(entries))


@pytest.mark.parametrize("print_log", [False, True], ids=["quiet", "print_log"])
def test_training_that_is_done_before_it_would_be_deferred_is_not_deferred(training, sagemaker, monkeypatch, print_log):
    request = training()
    create = hooks.SageMakerHook.create_training_job

    def create_and_wait(*arguments: Any, **options: Any) -> Any:
        response = create(*arguments, **options)
        wait_for_job(sagemaker, request["TrainingJobName"])
        return response

    monkeypatch.setattr(hooks.SageMakerHook, "create_training_job", create_and_wait)

    with capture_logs() as entries:
        result = train(request, print_log=print_log, deferrable=True).execute(CONTEXT)

    assert result["Training"]["TrainingJobStatus"] == "Completed"
    assert ("#validation_accuracy: 1.0000" in lines_of(entries)) is print_log
    assert any(line.startswith("Billable seconds: ") for line in lines_of(entries)) is print_log


@pytest.mark.parametrize(("mode", "print_log"), [("poke", False), ("poke", True), ("reschedule", True)])
def test_the_sensor_waits_for_training(run_dag, training, sagemaker, mode, print_log):
    request = training()
    name = request["TrainingJobName"]

    run = run_dag(train(request, print_log=False, **LATER), sense_training(name, print_log=print_log, mode=mode))

    assert run.states == {"train": "success", "sense": "success"}
    assert run.results["train"]["Training"]["TrainingJobStatus"] == "InProgress"
    assert sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "Completed"
    assert ("#validation_accuracy: 1.0000" in run.log) is print_log
    assert any(line.startswith("Billable seconds: ") for line in run.log)


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ({"print_log": False}, "SageMaker resource failed because AlgorithmError: Empty vocabulary"),
        ({"print_log": True}, r"Error training provider-\d+: Failed Reason: AlgorithmError: Empty vocabulary"),
        # Deferred, it is found out by the trigger, or before, where it has failed that soon.
        ({"print_log": False, **DEFERRED}, "(job failed because |'message': ')AlgorithmError: Empty vocabulary"),
        ({"print_log": True, **DEFERRED}, "(job failed because |'message': ')AlgorithmError: Empty vocabulary"),
    ],
    ids=["quiet", "print_log", "deferred-quiet", "deferred-print_log"],
)
def test_training_that_fails_fails_the_task_with_the_reason(training, mode, message):
    with pytest.raises(AirflowException, match=message):
        finish(train(training(min_count=1000), **mode))


@pytest.mark.parametrize("print_log", [False, True], ids=["quiet", "print_log"])
def test_the_sensor_fails_with_the_reason(training, sagemaker, print_log):
    request = training(min_count=1000)
    sagemaker.create_training_job(**request)

    with pytest.raises(AirflowException, match="job failed for the following reason: AlgorithmError: Empty vocabulary"):
        sense_training(request["TrainingJobName"], print_log=print_log).execute(CONTEXT)


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ({"print_log": True}, r"Error training provider-\d+: Stopped Reason: \(No reason provided\)"),
        ({"print_log": False, **DEFERRED}, "'status': 'stopped'"),
    ],
    ids=["print_log", "deferred"],
)
def test_training_that_is_stopped_fails_the_task(training, mode, message):
    request = training(**ENDLESS) | {"StoppingCondition": {"MaxRuntimeInSeconds": 1}}

    with pytest.raises(AirflowException, match=message):
        finish(train(request, **mode))


def test_training_that_is_stopped_is_a_success_where_nothing_but_the_status_is_asked_for(training):
    """The provider's own doing; and its sensor looks for a reason that a stopped job does not have."""
    request = training(**ENDLESS) | {"StoppingCondition": {"MaxRuntimeInSeconds": 1}}

    assert finish(train(request, print_log=False))["Training"]["TrainingJobStatus"] == "Stopped"
    with pytest.raises(KeyError, match="FailureReason"):
        sense_training(request["TrainingJobName"], print_log=False).execute(CONTEXT)


def test_a_training_jobs_name_that_is_taken_gets_a_time_stamp_or_is_refused(training, trained, sagemaker):
    name = trained["TrainingJobName"]

    def again(**arguments: Any) -> Any:
        return finish(train({**training(), "TrainingJobName": name}, print_log=False, **LATER, **arguments))

    assert re.fullmatch(rf"{name}-\d{{10}}", again()["Training"]["TrainingJobName"])
    with pytest.raises(AirflowException, match=f"A SageMaker job with name {name} already exists"):
        again(action_if_job_exists="fail")
    with pytest.raises(ClientError, match=r"\(ResourceInUse\).*Training job names must be unique"):
        again(check_if_job_exists=False)


def test_training_without_data_is_refused_before_a_job_is_made(training, sagemaker, bucket):
    request = training()
    request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = f"s3://{bucket}/nothing/"

    with pytest.raises(AirflowException, match=f"s3://{bucket}/nothing/ does not exist in the Bucket {bucket}"):
        finish(train(request, print_log=False))

    assert sagemaker.list_training_jobs(NameContains=request["TrainingJobName"])["TrainingJobSummaries"] == []


def test_the_hook_lists_the_jobs_of_a_name(trained, local_aws):
    jobs = hooks.SageMakerHook().list_training_jobs(name_contains=trained["TrainingJobName"], StatusEquals="Completed")

    assert trained["TrainingJobName"] in {job["TrainingJobName"] for job in jobs}


# Models, endpoint configurations, endpoints


def hosting(model_uri: str, name: str | None = None) -> dict[str, dict[str, Any]]:
    return endpoint_request(
        name=name or new_name(), image=IMAGE, role_arn=ROLE_ARN, model_uri=model_uri, instance_type="ml.m5.large"
    )


def deploy(config: dict[str, Any], **mode: Any) -> SageMakerEndpointOperator:
    return SageMakerEndpointOperator(task_id="endpoint", config=config, check_interval=0.1, **mode)


def sense_endpoint(name: str) -> SageMakerEndpointSensor:
    return SageMakerEndpointSensor(task_id="sense", endpoint_name=name, poke_interval=0.1)


def label_of(client: Any, endpoint: str, text: str) -> str:
    answer = client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint, ContentType="application/json", Body=json.dumps({"instances": [text]})
    )
    return json.loads(answer["Body"].read())[0]["label"][0]


@MODES
def test_model_configuration_and_endpoint_are_made_one_by_one(run_dag, model_uri, client, sagemaker, mode):
    request = hosting(model_uri)
    name = request["Model"]["ModelName"]
    request["EndpointConfig"]["ProductionVariants"][0]["InitialInstanceCount"] = "{{ 1 }}"

    run = run_dag(
        SageMakerModelOperator(task_id="model", config=request["Model"]),
        SageMakerEndpointConfigOperator(task_id="configuration", config=request["EndpointConfig"]),
        deploy(request["Endpoint"], **mode),
        sense_endpoint(name),
    )

    assert set(run.states.values()) == {"success"}
    model = in_xcom(sagemaker.describe_model(ModelName=name))
    configuration = in_xcom(sagemaker.describe_endpoint_config(EndpointConfigName=name))
    endpoint = in_xcom(sagemaker.describe_endpoint(EndpointName=name))
    assert endpoint["EndpointStatus"] == "InService"
    assert without_metadata(run.results["model"]) == {"Model": model}
    assert without_metadata(run.results["configuration"]) == {"EndpointConfig": configuration}
    deployed = without_metadata(run.results["endpoint"])
    assert deployed == {"EndpointConfig": configuration, "Endpoint": endpoint} or mode is LATER
    assert label_of(client, name, "good bye") == "__label__b"


def test_a_roles_name_is_made_its_arn(model_uri, client, sagemaker):
    role = new_name()
    arn = client("iam").create_role(RoleName=role, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    request = hosting(model_uri)["Model"] | {"ExecutionRoleArn": role}

    finish(SageMakerModelOperator(task_id="model", config=request))

    assert sagemaker.describe_model(ModelName=request["ModelName"])["ExecutionRoleArn"] == arn


def test_a_model_is_deleted_once(model_uri, sagemaker):
    request = hosting(model_uri)["Model"]
    sagemaker.create_model(**request)
    delete = SageMakerDeleteModelOperator(task_id="delete", config={"ModelName": request["ModelName"]})

    finish(delete)

    assert sagemaker.list_models(NameContains=request["ModelName"])["Models"] == []
    with pytest.raises(ClientError, match=r"\(ValidationException\).*Could not find model"):
        finish(delete)


@WAITING
def test_one_operator_makes_all_three_and_a_second_one_updates_them(model_uri, client, sagemaker, mode):
    request, other = hosting(model_uri), hosting(model_uri)
    name = request["Endpoint"]["EndpointName"]
    request["Endpoint"]["Tags"] = as_tags({"team": "tweets"})
    other["Endpoint"] |= {"EndpointName": name, "Tags": as_tags({"team": "others"})}

    first = finish(deploy(request, **mode))
    with capture_logs() as entries:
        second = finish(deploy(other, **mode))

    assert first["Endpoint"]["EndpointConfigName"] == name
    assert f"cannot create already existing endpoint {name}, updating it" in "\n".join(lines_of(entries))
    new = other["EndpointConfig"]["EndpointConfigName"]
    wait_for_endpoint(sagemaker, name)
    endpoint = sagemaker.describe_endpoint(EndpointName=name)
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", new)
    assert second["Endpoint"]["EndpointConfigName"] == new
    assert sagemaker.list_tags(ResourceArn=endpoint["EndpointArn"])["Tags"] == as_tags({"team": "tweets"})
    assert label_of(client, name, "hello world") == "__label__a"


def wait_for_endpoint(sagemaker: Any, name: str) -> None:
    sagemaker.get_waiter("endpoint_in_service").wait(
        EndpointName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 600}
    )


def test_an_endpoint_is_updated_to_another_configuration(model_uri, sagemaker):
    request, other = hosting(model_uri), hosting(model_uri)
    name, new = request["Endpoint"]["EndpointName"], other["EndpointConfig"]["EndpointConfigName"]
    finish(deploy(request))

    finish(deploy({**other, "Endpoint": {"EndpointName": name, "EndpointConfigName": new}}, operation="update"))

    assert sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"] == new


def test_a_model_and_a_configuration_that_exist_are_refused(model_uri, sagemaker):
    request = hosting(model_uri)
    sagemaker.create_model(**request["Model"])
    sagemaker.create_endpoint_config(**request["EndpointConfig"])

    with pytest.raises(ClientError, match=r"\(ValidationException\).*Cannot create already existing model"):
        finish(deploy(dict(request)))
    del request["Model"]
    with pytest.raises(ClientError, match=r"\(ValidationException\).*already existing endpoint configuration"):
        finish(deploy(request))


@pytest.mark.parametrize(
    ("mode", "error", "message"),
    [
        (SYNCHRONOUS, WaiterError, "terminal failure"),
        (DEFERRED, AirflowException, rf"\{{'status': 'failed', .*{NO_MODEL}"),
    ],
    ids=["synchronous", "deferred"],
)
def test_an_endpoint_that_fails_fails_the_task(bucket, mode, error, message):
    request = hosting(f"s3://{bucket}/no-such-model.tar.gz")

    with pytest.raises(error, match=message):
        finish(deploy(request, **mode))
    with pytest.raises(AirflowException, match=f"failed for the following reason: .*{NO_MODEL}"):
        sense_endpoint(request["Endpoint"]["EndpointName"]).execute(CONTEXT)


# Batch transform


@pytest.fixture(scope="module")
def model_name(sagemaker, model_uri) -> str:
    request = hosting(model_uri)["Model"]
    sagemaker.create_model(**request)
    return request["ModelName"]


def transform_request(bucket: str, model_name: str) -> dict[str, Any]:
    name = new_name()
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/batch/"}
    return {
        "TransformJobName": name,
        "ModelName": model_name,
        "MaxConcurrentTransforms": "{{ 1 }}",
        "MaxPayloadInMB": "{{ 6 }}",
        "TransformInput": {
            "DataSource": {"S3DataSource": source},
            "ContentType": "application/jsonlines",
            "SplitType": "Line",
        },
        "TransformOutput": {"S3OutputPath": f"s3://{bucket}/transformed/{name}", "AssembleWith": "Line"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": "{{ 1 }}"},
    }


def rendered(request: dict[str, Any]) -> dict[str, Any]:
    return json.loads(re.sub(r"\{\{ (\d+) \}\}", r"\1", json.dumps(request)))


def transform(config: dict[str, Any], **mode: Any) -> SageMakerTransformOperator:
    return SageMakerTransformOperator(task_id="transform", config=config, check_interval=0.1, **mode)


def sense_transform(name: str) -> SageMakerTransformSensor:
    return SageMakerTransformSensor(task_id="sense", job_name=name, poke_interval=0.1)


def predicted(s3: Any, request: dict[str, Any]) -> list[str]:
    """The labels of the two tweets."""
    body = body_of(s3, f"{request['TransformOutput']['S3OutputPath']}/tweets.jsonl.out")
    return [json.loads(line)["label"][0] for line in body.splitlines()]


@MODES
def test_a_transform_leaves_its_predictions_in_every_mode(run_dag, bucket, model_name, sagemaker, s3, mode):
    request = transform_request(bucket, model_name)
    name = request["TransformJobName"]

    run = run_dag(transform(request, **mode), sense_transform(name))

    assert set(run.states.values()) == {"success"}
    job = sagemaker.describe_transform_job(TransformJobName=name)
    assert job["TransformJobStatus"] == "Completed"
    assert job["TransformEndTime"] >= job["TransformStartTime"] >= job["CreationTime"]
    result = without_metadata(run.results["transform"])
    assert result["Model"] == in_xcom(sagemaker.describe_model(ModelName=model_name))
    assert result["Transform"] == in_xcom(job) or mode is LATER
    assert run.links["transform"] == {"region_name": "us-east-1", "aws_domain": "aws.amazon.com", "job_name": name}
    assert predicted(s3, request) == ["__label__a", "__label__b"]


@WAITING
def test_a_transform_makes_its_model_and_both_names_give_way_to_what_exists(model_uri, bucket, sagemaker, s3, mode):
    model, request = hosting(model_uri)["Model"], rendered(transform_request(bucket, "given below"))
    request["ModelName"] = model["ModelName"]

    def operator(**arguments: Any) -> SageMakerTransformOperator:
        # The operator changes the names in the request that it is given.
        return transform({"Model": dict(model), "Transform": dict(request)}, **mode, **arguments)

    first, second = finish(operator()), finish(operator())

    assert first["Model"]["ModelName"] == model["ModelName"]
    assert first["Transform"]["TransformJobName"] == request["TransformJobName"]
    assert re.fullmatch(rf"{model['ModelName']}-\d{{10}}", second["Model"]["ModelName"])
    assert re.fullmatch(rf"{request['TransformJobName']}-\d{{10}}", second["Transform"]["TransformJobName"])
    assert second["Transform"]["ModelName"] == second["Model"]["ModelName"]
    assert second["Transform"]["TransformJobStatus"] == "Completed"
    assert predicted(s3, request) == ["__label__a", "__label__b"]
    with pytest.raises(AirflowException, match=r"A SageMaker job with name .* already exists"):
        finish(operator(action_if_job_exists="fail"))
    with pytest.raises(AirflowException, match=r"A SageMaker model with name .* already exists"):
        finish(operator(action_if_model_exists="fail"))
    with pytest.raises(ClientError, match="Cannot create already existing model"):
        finish(operator(check_if_model_exists=False))


def test_a_transform_jobs_name_is_taken_for_ever(bucket, model_name):
    request = rendered(transform_request(bucket, model_name))
    finish(transform(dict(request), **LATER))

    with pytest.raises(ClientError, match=r"\(ResourceInUse\)"):
        finish(transform(dict(request), check_if_job_exists=False, **LATER))


@pytest.mark.parametrize(
    ("mode", "error", "message"),
    [
        (SYNCHRONOUS, AirflowException, "SageMaker resource failed because "),
        # Already failed when it would be deferred, or found so by the trigger.
        (DEFERRED, (AirflowException, RuntimeError), r"SageMaker job failed because |transform job: \{'status': 'fail"),
    ],
    ids=["synchronous", "deferred"],
)
def test_a_transform_that_fails_fails_the_task(bucket, s3, model_name, mode, error, message):
    s3.put_object(Bucket=bucket, Key="bad-batch/tweets.jsonl", Body=b"no JSON\n")
    request = rendered(transform_request(bucket, model_name))
    request["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"] = f"s3://{bucket}/bad-batch/"

    with pytest.raises(error, match=message):
        finish(transform(request, **mode))
    with pytest.raises(AirflowException, match=r"Sagemaker job failed for the following reason: \S+"):
        sense_transform(request["TransformJobName"]).execute(CONTEXT)


def test_a_transform_without_data_is_refused_before_a_job_is_made(bucket, model_name):
    request = rendered(transform_request(bucket, model_name))
    request["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"] = f"s3://{bucket}/nothing/"

    with pytest.raises(AirflowException, match=f"s3://{bucket}/nothing/ does not exist in the Bucket {bucket}"):
        finish(transform(request))


def test_the_hook_lists_the_transform_jobs_of_a_name(bucket, model_name, local_aws):
    request = rendered(transform_request(bucket, model_name))
    finish(transform(request))

    (job,) = hooks.SageMakerHook().list_transform_jobs(
        name_contains=request["TransformJobName"], StatusEquals="Completed", max_results=1
    )

    assert job["TransformJobName"] == request["TransformJobName"]


# Hyperparameter tuning


def tuning_request(training: dict[str, Any], **static: str) -> dict[str, Any]:
    shared = ("RoleArn", "InputDataConfig", "OutputDataConfig", "ResourceConfig", "StoppingCondition")
    hyperparameters = {key: value for key, value in training["HyperParameters"].items() if key != "learning_rate"}
    return {
        "HyperParameterTuningJobName": training["TrainingJobName"],
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:accuracy"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": "{{ 2 }}", "MaxParallelTrainingJobs": "{{ 2 }}"},
            "ParameterRanges": {
                "ContinuousParameterRanges": [
                    {"Name": "learning_rate", "MinValue": "0.1", "MaxValue": "0.5", "ScalingType": "Linear"}
                ]
            },
        },
        "TrainingJobDefinition": {
            "AlgorithmSpecification": training["AlgorithmSpecification"],
            "StaticHyperParameters": {**hyperparameters, **static},
            **{key: training[key] for key in shared},
        },
    }


def tune(config: dict[str, Any], **mode: Any) -> SageMakerTuningOperator:
    return SageMakerTuningOperator(task_id="tune", config=config, check_interval=0.1, **mode)


def sense_tuning(name: str) -> SageMakerTuningSensor:
    return SageMakerTuningSensor(task_id="sense", job_name=name, poke_interval=0.1)


@MODES
def test_tuning_finds_the_best_of_its_jobs_in_every_mode(run_dag, training, sagemaker, s3, mode):
    request = tuning_request(training())
    name = request["HyperParameterTuningJobName"]

    run = run_dag(tune(request, **mode), sense_tuning(name))

    assert set(run.states.values()) == {"success"}
    job = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["TrainingJobStatusCounters"]["Completed"] == job["ObjectiveStatusCounters"]["Succeeded"] == 2
    result = without_metadata(run.results["tune"])
    assert result == {"Tuning": in_xcom(job)} or mode is LATER
    assert result["Tuning"]["HyperParameterTuningJobName"] == name
    best = job["BestTrainingJob"]
    assert best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] > 0.9
    assert 0.1 <= float(best["TunedHyperParameters"]["learning_rate"]) <= 0.5
    summaries = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    for summary in summaries["TrainingJobSummaries"]:
        trained = sagemaker.describe_training_job(TrainingJobName=summary["TrainingJobName"])
        assert trained["TuningJobArn"] == job["HyperParameterTuningJobArn"]
        assert body_of(s3, trained["ModelArtifacts"]["S3ModelArtifacts"])


@pytest.mark.parametrize(
    ("mode", "message"),
    [(SYNCHRONOUS, "SageMaker resource failed because "), (DEFERRED, r"job: \{'status': 'failed', .*'message': '\w")],
    ids=["synchronous", "deferred"],
)
def test_tuning_whose_jobs_all_fail_fails_the_task(training, mode, message):
    request = rendered(tuning_request(training(), min_count="1000"))

    with pytest.raises(AirflowException, match=message):
        finish(tune(request, **mode))
    with pytest.raises(AirflowException, match=r"Sagemaker job failed for the following reason: \S+"):
        sense_tuning(request["HyperParameterTuningJobName"]).execute(CONTEXT)


def test_a_tuning_job_that_is_stopped_passes_the_sensor_and_its_name_stays_taken(training, sagemaker):
    """The provider's own doing: its sensor knows Failed only. The operator has no other name to offer, either."""
    request = rendered(tuning_request(training(), epochs="1000000", early_stopping="False"))
    finish(tune(request, **LATER))
    sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=request["HyperParameterTuningJobName"])

    sense_tuning(request["HyperParameterTuningJobName"]).execute(CONTEXT)

    with pytest.raises(ClientError, match=r"\(ResourceInUse\)"):
        finish(tune(request, **LATER))


# Model registry


def register(group: str, model_uri: str, **arguments: Any) -> SageMakerRegisterModelVersionOperator:
    return SageMakerRegisterModelVersionOperator(
        task_id="register", image_uri=IMAGE, model_url=model_uri, package_group_name=group, **arguments
    )


def test_versions_are_registered_in_a_group_that_the_first_one_makes(run_dag, model_uri, sagemaker):
    group = new_name()

    first = run_dag(register("{{ '" + group + "' }}", model_uri))  # all of it at its defaults
    second = run_dag(register(group, model_uri, package_desc="Better.", model_approval=ApprovalStatus.APPROVED))

    assert (first.states, second.states) == ({"register": "success"}, {"register": "success"})
    group_arn = sagemaker.describe_model_package_group(ModelPackageGroupName=group)["ModelPackageGroupArn"]
    assert f"Created new Model Package Group with name {group} (ARN: {group_arn})" in first.log
    assert any(line.startswith("Model Package Group already exists") for line in second.log)
    packages = [sagemaker.describe_model_package(ModelPackageName=run.results["register"]) for run in (first, second)]
    assert [package["ModelPackageVersion"] for package in packages] == [1, 2]
    assert [package["ModelApprovalStatus"] for package in packages] == ["PendingManualApproval", "Approved"]
    assert packages[1]["ModelPackageDescription"] == "Better."
    (container,) = packages[0]["InferenceSpecification"]["Containers"]
    assert (container["Image"], container["ModelDataUrl"]) == (IMAGE, model_uri)
    summaries = sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
    assert {s["ModelPackageArn"] for s in summaries} == {package["ModelPackageArn"] for package in packages}


def test_a_group_does_not_outlive_the_version_it_was_made_for_but_one_that_was_there_stays(model_uri, sagemaker):
    def groups() -> list[str]:
        found = sagemaker.list_model_package_groups(NameContains=group)["ModelPackageGroupSummaryList"]
        return [entry["ModelPackageGroupName"] for entry in found]

    group = new_name()
    refused = {"extras": {"ModelApprovalStatus": "Perhaps"}}

    with pytest.raises(ClientError, match=r"\(ValidationException\)"):
        finish(register(group, model_uri, **refused))
    assert groups() == []

    finish(register(group, model_uri))
    with pytest.raises(ClientError, match=r"\(ValidationException\)"):
        finish(register(group, model_uri, **refused))
    assert groups() == [group]
    # What the rollback would meet, had the group a version.
    with pytest.raises(ClientError):
        sagemaker.delete_model_package_group(ModelPackageGroupName=group)
