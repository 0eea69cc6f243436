"""One whole stack for these tests: a local AWS, and Airflow with scheduler, triggerer, DAG processor and API server."""

import dataclasses
import socket
from collections.abc import Iterator

import pytest

from include.local_stack import LocalStack, LocalStackSettings


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture(scope="module")  # stopped before the tests that follow
def stack(tmp_path_factory) -> Iterator[LocalStack]:
    home = tmp_path_factory.mktemp("airflow")
    settings = dataclasses.replace(
        LocalStackSettings(), airflow_port=free_port(), local_aws_port=free_port(), home=home
    )
    with LocalStack(settings) as running:
        yield running
