"""The contents of the local AWS, as the page shows them."""

from typing import Any

from local_aws.s3_objects import current_objects, s3_backend
from local_aws.sagemaker.endpoint import Endpoint
from local_aws.sagemaker.job import Job
from local_aws.sagemaker.models import SageMakerBackend
from local_aws.sagemaker.resource import Resource, now
from local_aws.sagemaker.training_job import TrainingJob

MAX_OBJECTS = 2000
"""How many objects of a bucket are shown."""


def state() -> dict[str, Any]:
    """Jobs, endpoints and buckets of all regions."""
    backends = list(SageMakerBackend.instances)
    jobs = [job for backend in backends for job in [*backend.transform_jobs.values(), *backend.tuning_jobs.values()]]
    return {
        "time": now(),
        "training_jobs": [_training_job(job) for backend in backends for job in list(backend.training_jobs.values())],
        "other_jobs": [_job(job) for job in jobs],
        "endpoints": [_endpoint(endpoint) for backend in backends for endpoint in list(backend.endpoints.values())],
        "buckets": _buckets(),
    }


def _resource(resource: Resource) -> dict[str, Any]:
    return {
        "name": resource.name,
        "kind": resource.KIND,
        "status": resource.status,
        "created": resource.created,
        "region": resource.cloud.region,
        "tags": {tag["Key"]: tag["Value"] for tag in resource.tags},
    }


def _job(job: Job) -> dict[str, Any]:
    return _resource(job) | {"failure_reason": job.failure_reason}


def _training_job(job: TrainingJob) -> dict[str, Any]:
    return _job(job) | {
        "phase": job.secondary_status,
        "metrics": job.metrics,
        "validation_accuracies": job.validation_accuracies,
        "billable_seconds": job.facts().get("BillableTimeInSeconds"),
    }


def _endpoint(endpoint: Endpoint) -> dict[str, Any]:
    return _resource(endpoint) | {
        "age_seconds": (now() - endpoint.created).total_seconds(),
        "request_count": endpoint.request_count,
        "failure_reason": endpoint.failure_reason,
    }


def _buckets() -> list[dict[str, Any]]:
    buckets = []
    for name, bucket in list(s3_backend().buckets.items()):
        found = sorted(current_objects(bucket).items())
        objects = [{"key": key, "size": stored.size} for key, stored in found[:MAX_OBJECTS]]
        buckets.append({"name": name, "objects": objects, "more": max(0, len(found) - MAX_OBJECTS)})
    return buckets
