import json

import requests

from local_aws import state as contents
from local_aws.pace import AWS_SECONDS
from tests.local_aws.conftest import deploy, wait_for_endpoint, wait_until


def test_the_state_holds_what_the_page_shows(local_aws, sagemaker, runtime, client, settings, trained):
    name = deploy(sagemaker, trained["ModelArtifacts"]["S3ModelArtifacts"])
    wait_for_endpoint(sagemaker, name)
    for _ in range(3):
        runtime.invoke_endpoint(EndpointName=name, ContentType="application/json", Body=b'{"instances": ["hello"]}')
    hostile = "<img src=x onerror=alert(1)>"
    client("s3").put_object(Bucket=settings.bucket, Key=hostile, Body=b"12345")

    state = requests.get(f"{local_aws.url}/_local/state", timeout=5).json()

    (job,) = [job for job in state["training_jobs"] if job["name"] == trained["TrainingJobName"]]
    assert job["validation_accuracies"]["5"] == 1.0
    assert job["metrics"] == {"train:accuracy": 1.0, "validation:accuracy": 1.0}
    (endpoint,) = [endpoint for endpoint in state["endpoints"] if endpoint["name"] == name]
    assert endpoint["request_count"] == 3
    assert endpoint["age_seconds"] >= 0
    assert endpoint["status"] == "InService"
    (bucket,) = [bucket for bucket in state["buckets"] if bucket["name"] == settings.bucket]
    assert {"key": hostile, "size": 5} in bucket["objects"]


def test_jobs_and_endpoints_are_linked_to_their_logs_artifacts_and_reports(
    local_aws, sagemaker, client, settings, trained
):
    uri = trained["ModelArtifacts"]["S3ModelArtifacts"]
    name = deploy(sagemaker, uri)
    wait_for_endpoint(sagemaker, name)
    s3, another_job = client("s3"), trained["TrainingJobName"] + "-another"
    for run, job_name in ((name, trained["TrainingJobName"]), ("another-run", another_job)):
        s3.put_object(Bucket=settings.bucket, Key=f"runs/{run}/report.html", Body=b"<h1>report</h1>")
        as_json = json.dumps({"training": {"training_job_name": job_name}}, indent=2)
        s3.put_object(Bucket=settings.bucket, Key=f"runs/{run}/report.json", Body=as_json.encode())

    state = requests.get(f"{local_aws.url}/_local/state", timeout=5).json()

    (job,) = [job for job in state["training_jobs"] if job["name"] == trained["TrainingJobName"]]
    (endpoint,) = [endpoint for endpoint in state["endpoints"] if endpoint["name"] == name]
    assert set(job["links"]) == {"log", "artifact", f"report of {name}"}
    assert set(endpoint["links"]) == {"log", "report"}

    def linked(address):
        return requests.get(f"{local_aws.url}/_local/{address}", timeout=5)

    assert "Arguments: train" in linked(job["links"]["log"]).text
    assert "Loaded model.bin" in linked(endpoint["links"]["log"]).text
    assert linked(endpoint["links"]["report"]).text == "<h1>report</h1>"
    key = uri.split("/", 3)[3]
    assert (
        linked(job["links"]["artifact"]).content
        == client("s3").get_object(Bucket=settings.bucket, Key=key)["Body"].read()
    )
    client("s3").delete_object(Bucket=settings.bucket, Key=key)
    state = requests.get(f"{local_aws.url}/_local/state", timeout=5).json()
    (job,) = [job for job in state["training_jobs"] if job["name"] == trained["TrainingJobName"]]
    assert "artifact" not in job["links"]


def test_the_state_has_the_model_registry(local_aws, sagemaker, model_uri):
    sagemaker.create_model_package_group(ModelPackageGroupName="shown")
    containers = [{"Image": "blazingtext:1", "ModelDataUrl": model_uri}]
    types = {"SupportedContentTypes": ["application/json"], "SupportedResponseMIMETypes": ["application/json"]}
    for _ in range(2):
        arn = sagemaker.create_model_package(
            ModelPackageGroupName="shown",
            InferenceSpecification={"Containers": containers, **types},
            CustomerMetadataProperties={"accuracy": "0.7"},
        )["ModelPackageArn"]
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Rejected", ApprovalDescription="<b>no</b>")

    state = requests.get(f"{local_aws.url}/_local/state", timeout=5).json()

    (group,) = [group for group in state["model_package_groups"] if group["name"] == "shown"]
    newest, first = group["versions"]
    assert (newest["version"], newest["approval"], newest["description"]) == (2, "Rejected", "<b>no</b>")
    assert (first["version"], first["approval"], first["metadata"]) == (1, "PendingManualApproval", {"accuracy": "0.7"})
    assert list(first["links"]) == ["artifact"]


def test_of_a_large_bucket_the_first_objects_are_shown_and_the_others_counted(client, settings, monkeypatch):
    monkeypatch.setattr(contents, "MAX_OBJECTS", 2)
    for key in ("b", "c", "a"):
        client("s3").put_object(Bucket=settings.bucket, Key=key, Body=b"1")

    (bucket,) = [bucket for bucket in contents.state()["buckets"] if bucket["name"] == settings.bucket]

    assert ([entry["key"] for entry in bucket["objects"]], bucket["more"]) == (["a", "b"], 1)
    client("s3").delete_object(Bucket=settings.bucket, Key="c")
    (bucket,) = [bucket for bucket in contents.state()["buckets"] if bucket["name"] == settings.bucket]
    assert bucket["more"] == 0


def test_an_endpoint_shows_its_stage_and_then_why_it_failed(sagemaker, settings, monkeypatch):
    monkeypatch.setitem(AWS_SECONDS, "Creating", 1000.0)
    name = deploy(sagemaker, f"s3://{settings.bucket}/none")
    assert shown_endpoint(name)["phase"] == "Creating"
    wait_until(lambda: sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Failed")

    endpoint = shown_endpoint(name)

    assert (endpoint["status"], endpoint["phase"], endpoint["tags"]) == ("Failed", None, {"a": "b"})
    assert "Failed to download model data" in endpoint["failure_reason"]


def shown_endpoint(name):
    (endpoint,) = [endpoint for endpoint in contents.state()["endpoints"] if endpoint["name"] == name]
    return endpoint
