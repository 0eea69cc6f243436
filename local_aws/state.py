"""The contents of the local AWS, as the page shows them."""

from itertools import islice
from typing import Any
from urllib.parse import quote, urlencode

from local_aws.cloud import NoSuchObject, split_uri
from local_aws.glue.job_run import ERROR, OUTPUT, JobRun
from local_aws.glue.models import GlueBackend
from local_aws.s3_objects import current_object, current_objects, s3_backend
from local_aws.sagemaker.endpoint import Endpoint
from local_aws.sagemaker.fleet import log_group
from local_aws.sagemaker.job import Job
from local_aws.sagemaker.model_package import ModelPackage, ModelPackageGroup
from local_aws.sagemaker.models import SageMakerBackend
from local_aws.sagemaker.resource import Resource, now
from local_aws.sagemaker.training_job import TrainingJob
from local_aws.sagemaker.training_run import TRAINING_JOBS, artifact_uri
from local_aws.sagemaker.transform_job import LOG_GROUP, TransformJob

MAX_OBJECTS = 2000
"""How many objects of a bucket are shown."""
MAX_REPORTS = 3
"""How many reports of a job are linked."""


def state(airflow_url: str | None = None) -> dict[str, Any]:
    """
    Jobs, endpoints, model registry and buckets of all regions.

    :param airflow_url: of the Airflow whose runs the tags of resources name
    """
    backends = list(SageMakerBackend.instances)
    reports = _reports()
    return {
        "time": now(),
        "airflow_url": airflow_url,
        "training_jobs": [
            _training_job(job, reports) for backend in backends for job in list(backend.training_jobs.values())
        ],
        "other_jobs": _other_jobs(backends),
        "endpoints": [
            _endpoint(endpoint, reports) for backend in backends for endpoint in list(backend.endpoints.values())
        ],
        "model_package_groups": [
            _group(group, backend.registry.versions(group.name))
            for backend in backends
            for group in list(backend.registry.groups.values())
        ],
        "buckets": _buckets(),
    }


def _other_jobs(backends: list[SageMakerBackend]) -> list[dict[str, Any]]:
    jobs = [job for backend in backends for job in [*backend.transform_jobs.values(), *backend.tuning_jobs.values()]]
    runs = [run for backend in list(GlueBackend.instances) for run in list(backend.runs.values())]
    return [*map(_job, jobs), *map(_glue_run, runs)]


def _resource(resource: Resource, **links: str | None) -> dict[str, Any]:
    return {
        "name": resource.name,
        "kind": resource.KIND,
        "status": resource.status,
        "created": resource.created,
        "region": resource.cloud.region,
        "tags": {tag["Key"]: tag["Value"] for tag in resource.tags},
        "links": {text: address for text, address in links.items() if address},
    }


def _job(job: Job, **links: str | None) -> dict[str, Any]:
    if isinstance(job, TransformJob):
        links["log"] = _log_link(job, LOG_GROUP, f"{job.name}/")
    return _resource(job, **links) | {"failure_reason": job.failure_reason}


def _training_job(job: TrainingJob, reports: list[str]) -> dict[str, Any]:
    shown = _job(
        job, log=_log_link(job, TRAINING_JOBS, f"{job.name}/"), artifact=_object_link(artifact_uri(job.request))
    )
    # This product's runs keep their reports beside the folder of the date's models. Another run may have used no job.
    folder = job.request["OutputDataConfig"]["S3OutputPath"].rstrip("/").rpartition("/")[0]
    found = (uri for uri in reports if uri.startswith(f"{folder}/runs/") and _is_report_of(job, uri))
    shown["links"] |= {f"report of {uri.split('/')[-2]}": _object_link(uri) for uri in islice(found, MAX_REPORTS)}
    return shown | {
        "phase": job.secondary_status,
        "metrics": job.metrics,
        "validation_accuracies": job.validation_accuracies,
        "billable_seconds": job.facts().get("BillableTimeInSeconds"),
    }


def _is_report_of(job: TrainingJob, uri: str) -> bool:
    """Whether a report, which is also there as JSON, is of a run that used a job."""
    bucket, key = split_uri(uri)
    as_json = current_object(s3_backend().buckets[bucket], key.removesuffix("html") + "json")
    return as_json is not None and f'"training_job_name": "{job.name}"'.encode() in as_json.value


def _glue_run(run: JobRun) -> dict[str, Any]:
    links = {"output": _log_link(run, OUTPUT, run.name), "log": _log_link(run, ERROR, run.name)}
    return _resource(run, **links) | {"name": f"{run.job_name} {run.name}", "failure_reason": run.error_message}


def _endpoint(endpoint: Endpoint, reports: list[str]) -> dict[str, Any]:
    report = next((uri for uri in reports if uri.endswith(f"/runs/{endpoint.name}/report.html")), "")
    links = {"log": _log_link(endpoint, log_group(endpoint.name), ""), "report": _object_link(report)}
    return _resource(endpoint, **links) | {
        "age_seconds": (now() - endpoint.created).total_seconds(),
        "phase": _stage(endpoint),
        "request_count": endpoint.request_count,
        "failure_reason": endpoint.failure_reason,
    }


def _stage(endpoint: Endpoint) -> str | None:
    """Of an update, e.g. Baking."""
    summary = endpoint.facts()["PendingDeploymentSummary"]
    return summary["ProductionVariants"][0]["VariantStatus"][0]["Status"] if summary else None


def _group(group: ModelPackageGroup, versions: list[ModelPackage]) -> dict[str, Any]:
    return _resource(group) | {"versions": [_version(version) for version in reversed(versions)]}


def _version(version: ModelPackage) -> dict[str, Any]:
    facts = version.facts()
    containers = facts.get("InferenceSpecification", {}).get("Containers", [{}])
    metadata = facts.get("CustomerMetadataProperties") or {}
    artifact, report = containers[0].get("ModelDataUrl", ""), metadata.get("report", "")
    return _resource(version, artifact=_object_link(artifact), report=_object_link(report)) | {
        "version": version.version,
        "arn": version.arn,
        "approval": version.approval,
        "description": facts.get("ApprovalDescription") or facts.get("ModelPackageDescription") or "",
        "metadata": metadata,
    }


def _log_link(resource: Resource, group: str, prefix: str) -> str:
    return "logs?" + urlencode({"region": resource.cloud.region, "group": group, "prefix": prefix})


def _object_link(uri: str) -> str | None:
    """The address of an object; None if it does not exist."""
    try:
        bucket, key = split_uri(uri)
    except NoSuchObject:
        return None
    found = s3_backend().buckets.get(bucket)
    return f"objects/{bucket}/{quote(key)}" if found is not None and current_object(found, key) is not None else None


def _reports() -> list[str]:
    """The URIs of the reports of runs, the newest first."""
    found = [
        (stored.last_modified, f"s3://{bucket.name}/{key}")
        for bucket in list(s3_backend().buckets.values())
        for key, stored in current_objects(bucket).items()
        if key.endswith("/report.html")
    ]
    return [uri for _, uri in sorted(found, reverse=True)]


def _buckets() -> list[dict[str, Any]]:
    buckets = []
    for name, bucket in list(s3_backend().buckets.items()):
        found = sorted(current_objects(bucket).items())
        objects = [{"key": key, "size": stored.size} for key, stored in found[:MAX_OBJECTS]]
        buckets.append({"name": name, "objects": objects, "more": max(0, len(found) - MAX_OBJECTS)})
    return buckets
