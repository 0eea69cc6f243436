"""The assets of a hashtag, and what the events of a task say of them."""

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import Asset, BaseOperator
from airflow.sdk.execution_time.context import OutletEventAccessors
from hypothesis import given
from hypothesis import strategies as st

from hashtag_retrain.assets import HashtagAssets, announce, assets_of, hashtag_of_asset
from include.aws.console import PAGE
from include.config.errors import ConfigurationError

ASSETS = assets_of("aws")
MODEL = {"version": 3, "approval": "Approved", "accuracy": 0.9}


@given(st.from_regex(r"[a-z0-9_]{1,50}", fullmatch=True))
def test_every_asset_leads_back_to_its_hashtag(hashtag):
    assert {hashtag_of_asset(asset) for asset in assets_of(hashtag)} == {hashtag}


def test_an_asset_is_the_same_in_any_dag_and_other_teams_can_name_it():
    assert assets_of("aws").approved_model == Asset("retrain_aws.approved_model")
    assert len({asset.name for name in ("aws", "azure") for asset in assets_of(name)}) == 2 * len(HashtagAssets._fields)


class Task:
    """A task of a run of retrain_aws about a date, and the events that its end emits."""

    def __init__(self, *outlets: Asset, date: str = "2026-01-07", xcoms: dict[Any, Any] | None = None):
        self.operator = BaseOperator(task_id="some_task", outlets=outlets)
        self.accessors = OutletEventAccessors()
        self._xcoms = xcoms or {}
        self._context: Any = {
            "task": self.operator,
            "dag": SimpleNamespace(dag_id="retrain_aws"),
            "dag_run": SimpleNamespace(logical_date=None, run_id="manual__assets"),
            "params": {"date": date, "endpoint_instance_type": "ml.m5.large"},
            "outlet_events": self.accessors,
            "ti": SimpleNamespace(xcom_pull=self._xcom_pull),
        }

    def end(self, result: Any) -> dict[str, tuple[list[str], dict[str, Any]]]:
        """Keys and extra of the events, by the names of the assets that stay outlets."""
        announce(self._context, result)
        events = {asset.name: self.accessors[asset] for asset in self.operator.outlets}
        return {name: ([*event.partition_keys], event.extra) for name, event in events.items()}

    def _xcom_pull(self, task_ids: str | list[str], key: str = "return_value") -> Any:
        if isinstance(task_ids, list):
            return [self._xcoms[task_id, key] for task_id in task_ids]
        return self._xcoms[task_ids, key]


def test_an_event_has_the_runs_date_as_its_key_and_the_result_as_its_extra():
    events = Task(ASSETS.model_version, ASSETS.approved_model).end(MODEL)

    said = (["2026-01-07"], {"date": "2026-01-07", **MODEL})
    assert events == {"retrain_aws.model_version": said, "retrain_aws.approved_model": said}


@pytest.mark.parametrize("approval", ["PendingManualApproval", "Rejected"])
def test_a_version_that_is_not_approved_is_no_new_champion(approval):
    task = Task(ASSETS.approved_model, ASSETS.model_version)

    events = task.end({**MODEL, "approval": approval})

    said = (["2026-01-07"], {"date": "2026-01-07", **MODEL, "approval": approval})
    assert events == {"retrain_aws.model_version": said}
    assert list(task.accessors) == [ASSETS.model_version]


def test_of_the_prepared_dataset_only_its_address_and_dates_are_said():
    prepared = {"data_uri": "s3://b/data", "dates": ["2026-01-06", "2026-01-07"], "vocabulary": ["long"]}

    ((keys, extra),) = Task(ASSETS.prepared_dataset).end(prepared).values()

    assert keys == ["2026-01-07"]
    assert extra == {"date": "2026-01-07", "data_uri": "s3://b/data", "dates": ["2026-01-06", "2026-01-07"]}


def test_an_endpoint_is_said_with_its_model_and_page_whatever_the_task_itself_returns():
    deployed = {"endpoint_name": "retrain-aws-1", "deadline": "2026-01-07T12:00:00+00:00"}
    xcoms = {
        ("deploy_endpoint", "return_value"): deployed,
        ("deploy_endpoint", PAGE): "https://console/endpoint",
        ("register_model", "return_value"): {"version": 3, "accuracy": 0.9},
    }

    ((_, extra),) = Task(ASSETS.endpoint, xcoms=xcoms).end(None).values()

    more = {"instance_type": "ml.m5.large", "endpoint_url": "https://console/endpoint", "version": 3}
    assert extra == {"date": "2026-01-07", **deployed, **more}


def test_a_task_without_outlets_says_nothing_and_needs_no_date():
    assert Task(date="yesterday").end(None) == {}


def test_a_date_that_is_none_fails_the_task():
    with pytest.raises(ConfigurationError, match="date 'yesterday'"):
        Task(ASSETS.report, date="yesterday").end({})
