import json
import os
import subprocess
import sys
from typing import Any

import pytest

from local_stack.settings import SESSION_FACTORY
from tests.conftest import REPOSITORY

CONNECT = """
import json
import os
from pathlib import Path

from airflow.jobs.job import Job
from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from botocore.loaders import JSONFileLoader
from botocore.model import ServiceModel
from botocore.session import Session

from hashtag_retrain.sessions import SERVICES
from include.config.settings import BOTOCORE_CONFIG

Job()
read, load, find = [], JSONFileLoader.load_file, os.listdir
JSONFileLoader.load_file = lambda self, path: read.append(path) or load(self, path)
os.listdir = lambda *path: read.extend(path) or find(*path)
made, make = [0], Session.__init__
Session.__init__ = lambda *arguments, **named: made.append(made.pop() + 1) or make(*arguments, **named)
region, key = os.environ.pop("AWS_DEFAULT_REGION"), os.environ.pop("AWS_ACCESS_KEY_ID")
file = Path(os.environ["AWS_CONFIG_FILE"])
file.write_text(file.read_text().replace("earlier", "later").replace("eu-south-1", "eu-south-2"))
changed = AwsBaseHook(client_type="s3", aws_conn_id="files", config=BOTOCORE_CONFIG).get_conn()
changed = [changed.meta.region_name, changed._get_credentials().access_key, made[0]]
os.environ |= {"AWS_DEFAULT_REGION": region, "AWS_ACCESS_KEY_ID": key}
clients, sessions = [], []
for service in SERVICES:
    for connection in ("theirs", None):
        hook = AwsBaseHook(client_type=service, aws_conn_id=connection, config=BOTOCORE_CONFIG)
        clients.append(hook.get_conn())
        sessions.append(made[0])
for client in clients:
    client.can_paginate(next(iter(client.meta.method_to_api_mapping)))
credentials = [client._get_credentials().access_key for client in clients]
looked, look = [0], ServiceModel.shape_for
ServiceModel.shape_for = lambda *arguments, **named: looked.append(looked.pop() + 1) or look(*arguments, **named)
codes = [[error.error_code for error in client.meta.service_model.error_shapes] for client in clients[::2]]
ours = looked[0]
theirs = [[error.error_code for error in client.meta.service_model.error_shapes] for client in clients[1::2]]
regions = [client.meta.region_name for client in clients]
hook = AwsBaseHook(client_type="s3", aws_conn_id="profile", config=BOTOCORE_CONFIG)
profile = hook.get_conn()._get_credentials().access_key
print(json.dumps([read, sessions, [ours, codes == theirs, looked[0] > 4000], changed, profile, regions, credentials]))
"""

FILE = """
[default]
region = eu-south-1
aws_access_key_id = earlier
aws_secret_access_key = none

[profile other]
aws_access_key_id = others
aws_secret_access_key = none
"""


@pytest.fixture(scope="module")
def connected(airflow_database, local_aws, tmp_path_factory) -> list[Any]:
    """
    The files that the clients of a component read, how many sessions were made after each, how they find errors, what
    they know of a changed configuration file and of a profile, and the clients' regions and credentials.
    """
    file = tmp_path_factory.mktemp("aws") / "config"
    file.write_text(FILE)
    theirs = {"conn_type": "aws", "login": "their-key", "password": "x", "extra": {"region_name": "eu-west-1"}}
    environment = {
        "AIRFLOW__AWS__SESSION_FACTORY": SESSION_FACTORY,
        "AIRFLOW_CONN_THEIRS": json.dumps(theirs),
        "AIRFLOW_CONN_FILES": json.dumps({"conn_type": "aws"}),
        "AIRFLOW_CONN_PROFILE": json.dumps({"conn_type": "aws", "extra": {"profile_name": "other"}}),
        "AWS_CONFIG_FILE": str(file),
    }
    done = subprocess.run(
        [sys.executable, "-c", CONNECT],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_what_a_component_has_read_no_client_reads_again(connected):
    assert connected[0] == []


def test_the_first_clients_find_sessions_ready_and_the_others_make_their_own(connected):
    assert connected[1] == [0, 1, 1, 2, 3, 4, 5, 6]  # without a connection the provider makes a session of its own


def test_they_know_the_same_errors_as_others_without_a_look_at_all_shapes(connected):
    assert connected[2] == [0, True, True]


def test_a_session_that_was_made_before_knows_what_a_file_holds_now(connected):
    assert connected[3] == ["eu-south-2", "later", 0]


def test_a_profile_has_its_own_credentials(connected):
    assert connected[4] == "others"


def test_each_client_has_the_region_and_the_credentials_of_its_connection(connected):
    assert connected[5:] == [["eu-west-1", "us-east-1"] * 4, ["their-key", "test"] * 4]
