import re

import pytest

from hashtag_retrain.documentation import doc_md
from include.config.hashtags import load_hashtags


@pytest.fixture
def hashtag(tmp_path):
    def load(entry: str):
        (tmp_path / "hashtags.yaml").write_text('aws: {labels: {"0": technical, "1": marketing}, ' + entry + "}")
        return load_hashtags(tmp_path / "hashtags.yaml").usable[0]

    return load


def test_it_tells_the_story_in_the_order_of_the_tasks(hashtag):
    from airflow.dag_processing.dagbag import DagBag

    from tests.conftest import REPOSITORY

    dag = DagBag(str(REPOSITORY / "dags" / "retrain_hashtag.py")).dags["retrain_aws"]
    tasks = [task.task_id for task in dag.topological_sort()]
    story = doc_md(hashtag("")).partition("**Where to look.**")[0]

    assert [name for name in re.findall(r"`(\w+)`", story) if name in tasks] == tasks
    assert dag.doc_md == doc_md(hashtag(""))
    assert {task.task_id: task.doc_md.startswith(f"`{task.task_id}` ") for task in dag.tasks} == dict.fromkeys(
        tasks, True
    )


def test_it_names_labels_owner_and_what_an_endpoint_costs_by_default(hashtag):
    text = doc_md(hashtag('owner: "ml@example.org", parameters: {keep_endpoint_minutes: 7}, backfill_parameters: {}'))

    assert "`technical`, `marketing`" in text
    assert "**ml@example.org**" in text
    assert "by default 7 minutes after the start of its deployment" in text
    assert "hashtags file: none." in text
