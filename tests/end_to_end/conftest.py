"""One whole stack for these tests: a local AWS, and Airflow with scheduler, triggerer, DAG processor and API server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from include.local_stack import LocalStack, LocalStackSettings, free_port
from tests.end_to_end import pager

HASHTAGS = """
aws: &technical {labels: {"0": technical, "1": marketing}, parameters: {window_days: 7}}
azure: *technical
slow: {labels: {"0": a, "1": b}, late_after_hours: 0.001}
"""
"""The daily run of slow is late as soon as it is there."""


@pytest.fixture(scope="module")  # stopped before the tests that follow
def stack(tmp_path_factory) -> Iterator[LocalStack]:
    home = tmp_path_factory.mktemp("airflow")
    hashtags = home / "hashtags.yaml"
    hashtags.write_text(HASHTAGS, encoding="utf-8")
    settings = LocalStackSettings(
        airflow_port=free_port(), local_aws_port=free_port(), home=home, hashtags_file=hashtags
    )
    stack = LocalStack(settings)
    stack.environment |= {"RETRAIN_NOTIFIER": f"{pager.__name__}:page", pager.FILE: str(home / "pages.jsonl")}
    with stack:
        yield stack


@pytest.fixture
def pages(stack):
    """What somebody was told so far."""
    file = Path(stack.environment[pager.FILE])
    return lambda: pager.pages(file)
