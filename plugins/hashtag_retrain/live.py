"""What Airflow does about live endpoints: which of them are wanted, and what people are asked and told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from pydantic import TypeAdapter

from include.aws.notify import notify
from include.config.errors import ConfigurationError
from include.config.hashtags import Hashtags, load_hashtags
from include.config.names import check_hashtag
from include.config.settings import BOTOCORE_CONFIG, Settings
from include.live.bill import LiveEndpoint, live_endpoint_of, live_endpoints
from include.results import LISTED, Promoted

DAG_ID = "live_endpoint"
SERVE, OFF, ASK = "serve_version", "turn_off", "ask_person"
"""What people can do with a live endpoint; also the ids of the tasks that do it."""
TELL = "tell_outcome"
LIVE_ENDPOINTS = TypeAdapter(list[LiveEndpoint])


def unwanted(endpoint: LiveEndpoint, hashtags: Hashtags) -> str | None:
    """
    Why nobody wants a live endpoint; None if somebody does. An entry with mistakes counts as one that wants it.
    """
    if endpoint.hashtag not in hashtags.names:
        return f"the hashtags file does not name {endpoint.hashtag}"
    entry = next((hashtag for hashtag in hashtags.usable if hashtag.name == endpoint.hashtag), None)
    if entry is not None and not entry.settings.live:
        return f"the hashtags file has no live: true for {endpoint.hashtag}"
    return None


def list_live_endpoints(params: Mapping[str, Any], ti: Any) -> list[dict[str, Any]]:
    """
    Print all live endpoints, with what AWS bills for them and whom to ask. The XCom `LISTED` has them, too.

    :return: arguments of TriggerDagRunOperator for those that nobody wants: their runs ask a person, once each
    """
    hashtags = load_hashtags()
    owners = {hashtag.name: hashtag.settings.owner for hashtag in hashtags.usable}
    questions = []
    endpoints = live_endpoints(_client(), Settings.from_environment().deployment)
    ti.xcom_push(key=LISTED, value=LIVE_ENDPOINTS.dump_python(endpoints, mode="json"))
    for endpoint in endpoints:
        reason = unwanted(endpoint, hashtags)
        print(f"{endpoint}; ask {owners.get(endpoint.hashtag, 'nobody: it has no owner')}")
        if reason is None:
            continue
        print(f"  WARNING: {reason}, and AWS bills it. A person is asked in the DAG {DAG_ID}.")
        questions.append(
            {
                "trigger_run_id": f"unwanted__{endpoint.hashtag}__{endpoint.created_at:%Y-%m-%dT%H-%M-%S}",
                "conf": {"hashtag": endpoint.hashtag, "action": ASK},
            }
        )
    print(f"{len(endpoints)} live endpoints, {len(questions)} of them unwanted")
    return [] if params["dry_run"] else questions


def what_is_billed(hashtag: str) -> str:
    """The text of the question about a live endpoint that nobody wants."""
    endpoint = live_endpoint_of(_client(), check_hashtag(hashtag), Settings.from_environment().deployment)
    return str(endpoint) if endpoint else f"#{hashtag} has no live endpoint any more."


def choose_action(params: Mapping[str, Any], ti: Any) -> str:
    """
    The id of the task that does what the run is for.

    :raises ConfigurationError: no version was named
    """
    action: str = params["action"]
    if action == SERVE and params["version"] is None:
        raise ConfigurationError("To serve a version, set version to its number in the model registry.")
    if action == ASK:
        words = what_is_billed(params["hashtag"])
        link = ti.log_url.partition("/tasks/")[0]
        notify(f"#{params['hashtag']}: nobody wants the live endpoint, and AWS bills it.", f"{words}\n\nAnswer: {link}")
    return action


def tell_outcome(params: Mapping[str, Any], ti: Any) -> None:
    """Print what became of the live endpoint, and send a notice of a rollback."""
    promoted, deleted = ti.xcom_pull(task_ids=[SERVE, OFF])
    if promoted:
        found = Promoted.from_xcom(promoted)
        print(found)
        if found.status == "rolled back":
            notify(f"#{params['hashtag']}: the live endpoint has rolled version {found.version} back.", str(found))
    elif deleted is not None:
        print(f"Deleted: {', '.join(deleted) or 'nothing, because there was none'}")
    else:
        print(f"It stays. {what_is_billed(params['hashtag'])}")


def _client() -> Any:
    return SageMakerHook(aws_conn_id="aws_default", config=BOTOCORE_CONFIG).get_conn()
