"""`make up`, stopped and started again."""

import re
from dataclasses import replace

import requests

from include.config.settings import Settings
from include.samples import DATES, make_bucket, upload_samples
from local_stack.airflow_api import AirflowApi
from local_stack.demo import DAG_ID, stack_settings
from local_stack.ports import free_port
from local_stack.stack import LocalStack
from tests.end_to_end.test_stack import ended, name_of, waits


def test_a_run_goes_on_after_the_next_start_and_deletes_the_endpoint_that_it_held(tmp_path, monkeypatch):
    monkeypatch.setenv("LOCAL_STACK_HOME", str(tmp_path))
    settings = replace(stack_settings(True, None), airflow_port=free_port(), local_aws_port=free_port())

    with LocalStack(settings) as stack:
        s3, deployment = stack.client("s3"), Settings.from_environment(stack.environment)
        make_bucket(s3, deployment.bucket)
        upload_samples(s3, deployment)
        airflow = AirflowApi(settings.airflow_url)
        run_id = airflow.trigger(DAG_ID, {"date": DATES[-1], "deploy": "always", "keep_endpoint_minutes": 0.7})
        waits(airflow, run_id, "hold_endpoint")
        name = name_of(stack, DAG_ID, run_id)
    with LocalStack(settings) as stack:
        left = [endpoint["EndpointName"] for endpoint in stack.client("sagemaker").list_endpoints()["Endpoints"]]
        page = requests.get(f"{settings.airflow_url}/hashtags/", timeout=30).text
        state = ended(AirflowApi(settings.airflow_url), run_id)
        after = stack.client("sagemaker").list_endpoints()["Endpoints"]

    assert left == [name]
    assert re.search(rf"{name}</a> \(<a [^>]+>run</a>,\s+version 1\)", page)
    assert (state, after) == ("success", [])
