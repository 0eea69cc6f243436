"""
What tasks read and write, for OpenLineage. All of this does nothing unless Airflow's OpenLineage provider is installed
and has a transport.

The provider emits the events of a task whose own process ends it, and asks the operator for the datasets. Airflow calls
no listener for a task that a trigger ends, so the trigger emits the task's last event itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow.sdk import get_current_context
from airflow.sdk.execution_time.xcom import XCom

from include import __version__
from include.aws.dataset import PreparedData
from include.config.names import Keys, hashtag_of
from include.config.settings import Settings
from include.tweets.split import SPLITS

if TYPE_CHECKING:
    from airflow.sdk import Context

LINEAGE = "openlineage"
"""Key of a deferred task's XCom: what its trigger needs for the last event."""
PRODUCER = f"urn:hashtag-retrain:{__version__}"
log = logging.getLogger(__name__)


class Data(NamedTuple):
    """A dataset, named as in https://openlineage.io/docs/spec/naming."""

    namespace: str
    name: str
    version: str = ""
    tags: Mapping[str, str] = {}

    @classmethod
    def in_s3(cls, uri: str, **tags: str) -> Data:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return cls(f"s3://{bucket}", key.rstrip("/"), tags=tags)


class Flow(NamedTuple):
    """What a task reads and writes."""

    inputs: list[Data]
    outputs: list[Data]


def note_datasets(context: Context, result: Any) -> None:
    """Tell the provider what a task has read and written. Call this after the task, in its own process."""
    if _is_active():
        task = context["task"]
        flow = _flow(task.dag_id, task.task_id, _inputs(task), result)
        task.get_openlineage_facets_on_complete = lambda _: _operator_lineage(flow)


def note_failure(operator: Any) -> None:
    """Tell the provider what a task has read that fails now. Call this in the task's own process."""
    if _is_active():
        flow = Flow(_inputs(operator), [])
        # Not on_failure: the provider asks an operator at all only if it has on_start or on_complete.
        operator.get_openlineage_facets_on_complete = lambda _: _operator_lineage(flow)


def note_deferral(operator: Any) -> None:
    """Store what the trigger needs for the last event of a task. Call this before the task is deferred."""
    if not _is_active():
        return
    from airflow.providers.openlineage.api import core  # noqa: F401 (the listener, which the macros need)
    from airflow.providers.openlineage.plugins import macros
    from airflow.providers.openlineage.utils.emission_policy import resolve_task_emission_policy

    ti = get_current_context()["ti"]
    policy = resolve_task_emission_policy(operator=operator, dag_id=ti.dag_id, task_id=ti.task_id)
    if policy.emit:
        ti.xcom_push(key=LINEAGE, value={"run_id": macros.lineage_run_id(ti), "inputs": _inputs(operator)})


def emit_end(ti: Any, failure: str | None, result: Any) -> None:
    """
    Emit the last event of a task that a trigger ends. It is no error if that fails.

    :param ti: the deferred task
    :param failure: why it has failed; None if it has not
    :param result: its result, if it has one
    """
    if not _is_active():
        return
    try:
        where = {"dag_id": ti.dag_id, "task_id": ti.task_id, "run_id": ti.run_id, "map_index": ti.map_index}
        if (noted := XCom.get_one(key=LINEAGE, **where)) is not None:
            inputs = [Data(*data) for data in noted["inputs"]]
            _emit(ti, noted["run_id"], failure, _flow(ti.dag_id, ti.task_id, inputs, result))
    except Exception as error:
        log.warning("The last OpenLineage event of %s.%s was not emitted: %r", ti.dag_id, ti.task_id, error)


def _emit(ti: Any, run_id: str, failure: str | None, flow: Flow) -> None:
    from airflow.providers.openlineage.api.core import emit
    from airflow.providers.openlineage.plugins.macros import lineage_job_name, lineage_job_namespace
    from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
    from openlineage.client.facet_v2 import error_message_run

    facets: dict[str, Any] = (
        {"errorMessage": error_message_run.ErrorMessageRunFacet(failure, "python")} if failure else {}
    )
    emit(
        RunEvent(
            eventType=RunState.FAIL if failure else RunState.COMPLETE,
            eventTime=datetime.now(UTC).isoformat(),
            run=Run(run_id, facets),
            job=Job(lineage_job_namespace(), lineage_job_name(ti)),
            inputs=_datasets(InputDataset, flow.inputs),
            outputs=_datasets(OutputDataset, flow.outputs),
            producer=PRODUCER,
        )
    )


def _is_active() -> bool:
    try:
        from airflow.providers.openlineage import conf
    except ImportError:
        return False
    return not conf.is_disabled()


def _operator_lineage(flow: Flow) -> Any:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import InputDataset, OutputDataset

    return OperatorLineage(inputs=_datasets(InputDataset, flow.inputs), outputs=_datasets(OutputDataset, flow.outputs))


def _datasets(kind: type, found: Iterable[Data]) -> list[Any]:
    from openlineage.client.facet_v2 import dataset_version_dataset, tags_dataset

    def facets(data: Data) -> dict[str, Any]:
        version, field = dataset_version_dataset.DatasetVersionDatasetFacet, tags_dataset.TagsDatasetFacetFields
        tags = [field(key, value, "SageMaker") for key, value in data.tags.items()]
        return {
            **({"version": version(data.version)} if data.version else {}),
            **({"tags": tags_dataset.TagsDatasetFacet(tags)} if tags else {}),
        }

    return [kind(data.namespace, data.name, facets=facets(data)) for data in found]


def _inputs(task: Any) -> list[Data]:
    """What a task's arguments say that it reads."""
    return [Data.in_s3(uri) for uri in INPUTS.get(task.task_id, lambda _: [])(task)]


def _flow(dag_id: str, task_id: str, inputs: list[Data], result: Any) -> Flow:
    if not result or task_id not in OUTPUTS:
        return Flow(inputs, [])
    read_as_well, outputs = OUTPUTS[task_id](dag_id, result)
    return Flow([*inputs, *read_as_well], outputs)


def _channels(request: Mapping[str, Any]) -> list[str]:
    return [channel["DataSource"]["S3DataSource"]["S3Uri"] for channel in request.get("InputDataConfig", [])]


def _evaluated(task: Any) -> list[str]:
    arguments = task.op_kwargs
    return [PreparedData(arguments["prepared"]["data_uri"]).channel("test"), arguments["trained"]["model_uri"]]


def _registered(task: Any) -> list[str]:
    return [task.op_kwargs["trained"]["model_uri"], task.op_kwargs["evaluated"]["evaluation_uri"]]


def _of_prepare(dag_id: str, result: Mapping[str, Any]) -> Flow:
    settings, data = Settings.from_environment(), PreparedData(result["data_uri"])
    folders = [Keys(settings.prefix, hashtag_of(dag_id), date).tweets for date in result["dates"]]
    tweets = [Data.in_s3(f"s3://{settings.bucket}/{folder}") for folder in folders]
    return Flow(tweets, [Data.in_s3(data.channel(split)) for split in SPLITS])


def _of_training(_: str, result: Mapping[str, Any]) -> Flow:
    return Flow([], [Data.in_s3(result["model_uri"], training_job=result["training_job_name"])])


def _of_evaluation(_: str, result: Mapping[str, Any]) -> Flow:
    return Flow([], [Data.in_s3(result["evaluation_uri"])])


def _of_registration(_: str, result: Mapping[str, Any]) -> Flow:
    """The hashtag's group of model packages is the dataset, and the model package is its version."""
    arn = result["model_package_arn"]  # …:123456789012:model-package/retrain-aws/3
    namespace, _, path = arn.rpartition(":")
    group = f"model-package-group/{path.split('/')[1]}"
    tags = {"model_package_arn": arn, "approval": result["approval"], "training_job": result["training_job"]}
    tags["accuracy"] = f"{result['accuracy']:.4f}"
    return Flow([], [Data(namespace, group, str(result["version"]), tags)])


def _of_report(_: str, result: Mapping[str, Any]) -> Flow:
    return Flow([], [Data.in_s3(result["report"])])


INPUTS: dict[str, Callable[[Any], list[str]]] = {
    "wait_for_tweets": lambda task: [f"s3://{task.bucket}/{task.folder}"],
    "tune_model": lambda task: _channels(task.config["TrainingJobDefinition"]) if task.config else [],
    "train_model": lambda task: _channels(task.config),
    "evaluate_model": _evaluated,
    "register_model": _registered,
    "deploy_endpoint": lambda task: [task.config["Model"]["PrimaryContainer"]["ModelDataUrl"]],
}
"""URIs that a task reads, by its arguments."""
OUTPUTS: dict[str, Callable[[str, Any], Flow]] = {
    "prepare_dataset": _of_prepare,
    "train_model": _of_training,
    "evaluate_model": _of_evaluation,
    "register_model": _of_registration,
    "record_outcome": _of_report,
}
"""What a task has written, and has read beside that, by the DAG's id and the task's result."""
