"""The page at /_local/ and what it shows."""

import base64
import hashlib
import re
import time
from urllib.parse import quote

import pytest
import requests

from tests.local_aws.server_process import ServerProcess


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


def test_logs_are_text_that_no_browser_takes_for_a_page(local_aws, client):
    logs = client("logs")
    logs.create_log_group(logGroupName="/shown")
    for stream in ("a/1", "b/1"):
        logs.create_log_stream(logGroupName="/shown", logStreamName=stream)
        event = {"timestamp": int(time.time() * 1000), "message": f"<script>{stream}</script>"}
        logs.put_log_events(logGroupName="/shown", logStreamName=stream, logEvents=[event])
    url = f"{local_aws.url}/_local/logs"

    shown = requests.get(url, params={"group": "/shown", "prefix": "a/"}, timeout=5)

    assert shown.text.endswith("Z <script>a/1</script>\n")
    assert shown.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert requests.get(url, params={"group": "/shown"}, timeout=5).text.count("script>") == 4
    for wrong in ({}, {"group": "/none"}, {"group": "/shown", "region": "nowhere-1"}):
        assert requests.get(url, params=wrong, timeout=5).status_code == 404


def test_the_page_knows_where_airflow_is_if_it_is_told():
    with ServerProcess("--airflow-url", "http://127.0.0.1:8080") as server:
        assert requests.get(f"{server.url}/_local/state", timeout=5).json()["airflow_url"] == "http://127.0.0.1:8080"


def test_it_is_not_ready_before_the_stacks_are_made_again(local_aws, monkeypatch):
    monkeypatch.setattr(local_aws._serving, "ready", False)
    answer = requests.get(f"{local_aws.url}/_local/health", timeout=5)
    assert (answer.status_code, answer.json()) == (503, {"status": "starting"})
