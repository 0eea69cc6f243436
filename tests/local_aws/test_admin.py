"""The page at /_local/ and what it shows."""

import base64
import hashlib
import re
from urllib.parse import quote

import pytest
import requests

from tests.local_aws.conftest import deploy, wait_for_endpoint


def test_the_page_is_one_file_that_only_its_own_script_may_run_on(local_aws):
    response = requests.get(f"{local_aws.url}/_local/", timeout=5)

    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    (script,) = re.findall(r"<script>(.*?)</script>", response.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = response.headers["Content-Security-Policy"]
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    # What users wrote enters as text: nothing that parses HTML, no handler in an attribute, nothing from elsewhere.
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|\son\w+=|https?://(?!www\.w3)", response.text
    )
    assert 'name="viewport"' in response.text


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


def test_an_object_can_be_looked_at_and_nothing_of_it_runs(local_aws, client, settings):
    key = "a folder/50% é?.html"
    client("s3").put_object(Bucket=settings.bucket, Key=key, Body=b"<script>1</script>", ContentType="text/html")

    shown = requests.get(f"{local_aws.url}/_local/objects/{settings.bucket}/{quote(key)}", timeout=5)
    missing = requests.get(f"{local_aws.url}/_local/objects/{settings.bucket}/none", timeout=5)

    assert (shown.status_code, shown.text, shown.headers["Content-Type"]) == (200, "<script>1</script>", "text/html")
    assert shown.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert (missing.status_code, missing.json()["error"]) == (404, f"there is no object s3://{settings.bucket}/none")


@pytest.mark.parametrize("path", ["nothing", "faults/abc", "state/x"])
def test_a_path_that_is_not_there_says_what_is(local_aws, path):
    response = requests.get(f"{local_aws.url}/_local/{path}", timeout=5)

    assert response.status_code == 404
    assert "GET /_local/requests" in response.json()["error"]


@pytest.mark.parametrize("path", ["", "faults/1", "state"])
def test_a_method_that_a_path_does_not_have_is_refused(local_aws, path):
    response = requests.put(f"{local_aws.url}/_local/{path}", timeout=5)

    assert response.status_code == 405
    assert response.headers["Allow"] in {"GET, HEAD", "HEAD, GET", "DELETE"}
    assert "DELETE /_local/faults/" in response.json()["error"]


@pytest.mark.parametrize("key", ["/a//b/", "folder/"])
def test_an_object_is_found_by_any_key(local_aws, client, settings, key):
    client("s3").put_object(Bucket=settings.bucket, Key=key, Body=b"x")

    assert requests.get(f"{local_aws.url}/_local/objects/{settings.bucket}/{quote(key)}", timeout=5).text == "x"


def test_a_page_of_another_site_cannot_order_faults(local_aws):
    """A browser sends a form, or text, without asking first; JSON it does not."""
    for headers in ({"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}):
        response = requests.post(f"{local_aws.url}/_local/faults", data='{"error": "X"}', headers=headers, timeout=5)
        assert response.status_code == 415
    preflight = requests.options(f"{local_aws.url}/_local/faults", headers={"Origin": "http://evil"}, timeout=5)
    assert "Access-Control-Allow-Origin" not in preflight.headers
