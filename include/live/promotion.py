"""
Let the live endpoint serve a version of the model registry: step by step, so that any process can go on at any time.

What was done is known from AWS alone: from the endpoint's state, from its tags, and from the version's status.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, ClassVar, Protocol, Self

from botocore.exceptions import ClientError

from include.aws.clock import time_of
from include.aws.registry import SMOKE_TESTS, Registry, Version
from include.aws.resources import ENDPOINT, ENDPOINT_CONFIG, IN_PROGRESS, MODEL, Kind
from include.aws.storage import Storage
from include.config.company import NO_RULES, CompanyRules
from include.config.errors import ConfigurationError, DataError, LiveEndpointError
from include.config.names import live_endpoint_name, start_of_live_names
from include.config.ownership import DATE, DEPLOYMENT, LIVE, PROMOTING, VERSION, live_tags
from include.config.settings import Settings
from include.live.probe import Answers, Probe, SmokeTests
from include.live.requests import (
    SMOKE_TEST,
    LiveSettings,
    alarm_names,
    alarm_requests,
    deployment_config,
    failed_smoke_tests,
    serving_requests,
)
from include.results import Promoted
from include.results import Promotion as Status

ASKED_AT_ONCE = 10
"""How often the endpoint is asked in each poll: often enough that a canary is among those that answer."""
HAVE_TRAFFIC = frozenset({"ActivatingTraffic", "Baking"})
"""Stages of a new fleet in which it answers."""
ALARM_ACTIONS = ("ActionsEnabled", "AlarmActions", "OKActions", "InsufficientDataActions")
FAILED_CHECKS = 3
"""After an update, the endpoint must fail so many checks in a row to be given the old model again."""


BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)
"""The times of an attempt that has created the endpoint."""
NONE = "-"
"""Its previous configuration."""


class NotPromoted(Exception):
    """The version is not to be served. The message says why."""


@dataclass(frozen=True, slots=True)
class Clients:
    """boto3 clients of SERVICES."""

    SERVICES: ClassVar = ("sagemaker", "sagemaker-runtime", "cloudwatch")
    sagemaker: Any
    runtime: Any
    cloudwatch: Any


class Objection(Protocol):
    """Why a version is not to be served; None if it is."""

    def __call__(self, version: Version, live_date: str) -> str | None:
        """
        :param live_date: the date of the tweets of the version that is live; empty if there is none
        """


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What the tag PROMOTING holds."""

    config: str
    started: datetime
    """By AWS's clock."""
    modified: datetime
    """When the endpoint was last modified before the update; BEFORE_ALL if it was created."""
    previous_config: str
    """That served before; NONE if the endpoint was created."""
    previous_version: int | None

    @classmethod
    def of(cls, tags: Mapping[str, str]) -> Self | None:
        try:
            config, started, modified, previous_config, previous = tags[PROMOTING].split()
            times = datetime.fromisoformat(started), datetime.fromisoformat(modified)
            return cls(config, *times, previous_config, int(previous) or None)
        except (KeyError, ValueError):
            return None

    def __str__(self) -> str:
        times = f"{self.started.isoformat()} {self.modified.isoformat()}"
        return f"{self.config} {times} {self.previous_config} {self.previous_version or 0}"


class Promotion:
    """
    :param number: of the version that is to serve
    :param objection: is asked again before each request that creates or updates the endpoint
    :param started: a version that was rolled back since then is not tried again
    :param until: it is an error if the endpoint is still in transition then
    """

    def __init__(
        self,
        clients: Clients,
        storage: Storage,
        registry: Registry,
        hashtag: str,
        number: int,
        settings: LiveSettings,
        deployment: Settings,
        objection: Objection,
        started: datetime,
        until: datetime,
        log: logging.Logger,
        rules: CompanyRules = NO_RULES,
    ):
        self._rules = rules
        self._aws, self._storage, self._registry = clients, storage, registry
        self._hashtag, self._number, self._settings = hashtag, number, settings
        self._objection, self._started, self._until, self._log = objection, started, until, log
        self._tags = live_tags(hashtag, deployment.deployment)
        self._role_arn = deployment.role_arn
        self.name = live_endpoint_name(hashtag)
        self._version = registry.version(number)
        self._has_seen = self._has_created = self._has_removed = False
        self._failed_checks = 0
        self._has_asked = False
        self._last_said = self._given_up = ""

    @cached_property
    def _requests(self) -> dict[str, dict[str, Any]]:
        return serving_requests(self._hashtag, self._version, self._settings, self._role_arn, self._tags, self._rules)

    @property
    def _config(self) -> str:
        """The name of the endpoint configuration with the version."""
        name: str = self._requests["EndpointConfig"]["EndpointConfigName"]
        return name

    def poll(self) -> Promoted | None:
        """
        Do what can be done now. Return None if there is something to wait for.

        :raises NotPromoted: the version is not to be served
        :raises LiveEndpointError: a person must look
        """
        found = ENDPOINT.find(self._aws.sagemaker, self.name)
        if found is None:
            return self._create()
        endpoint, tags = found
        self._require_ours(ENDPOINT, self.name, tags)
        self._has_seen = True
        status = endpoint["EndpointStatus"]
        if status in IN_PROGRESS:
            self._watch(endpoint, _Attempt.of(tags))
            return None
        if status == "Failed":
            self._remove_failed(endpoint)
            return None
        if status != "InService":
            reason = endpoint.get("FailureReason", "AWS gives no reason")
            raise LiveEndpointError(
                f"Endpoint {self.name} is {status}: {reason}. Ask AWS's support, or turn it off and create it again."
            )
        self._version = self._registry.version(self._number)
        return self._settle(endpoint, tags)

    def _settle(self, endpoint: dict[str, Any], tags: dict[str, str]) -> Promoted | None:
        """The endpoint is in service."""
        attempt = _Attempt.of(tags)
        is_ours = attempt is not None and attempt.config == self._config
        if endpoint["EndpointConfigName"] == self._config:
            return self._check(endpoint, attempt if is_ours else None)
        if is_ours and attempt is not None and self._was_tried(attempt, endpoint):
            return self._note_rollback(endpoint, attempt)
        if self._was_rolled_back():
            return self._result("rolled back", endpoint, reason=self._version.approval_reason)
        self._update(endpoint)
        return None

    def _was_rolled_back(self) -> bool:
        """By this promotion, which may have been interrupted then."""
        at = self._version.rolled_back
        return at is not None and datetime.fromisoformat(at) >= self._started

    # Create

    def _create(self) -> Promoted | None:
        if self._has_seen and not self._has_removed:
            raise NotPromoted(f"Endpoint {self.name} does not exist any more: somebody has turned it off.")
        self._version = self._registry.version(self._number)
        self._require_wanted("")
        self._put_alarms(self._config)
        self._make(MODEL)
        self._make(ENDPOINT_CONFIG)
        self._has_created, self._has_removed = True, False
        self._say(f"Creating endpoint {self.name} with version {self._number}. AWS bills it until it is turned off.")
        request = self._requests["Endpoint"]
        attempt = {"Key": PROMOTING, "Value": str(_Attempt(self._config, BEFORE_ALL, BEFORE_ALL, NONE, None))}
        try:
            self._aws.sagemaker.create_endpoint(**{**request, "Tags": [*request["Tags"], attempt]})
        except ClientError:
            # By another run, or by this request: if its answer is lost, botocore sends it again.
            if ENDPOINT.describe(self._aws.sagemaker, self.name) is None:
                raise
        return None

    def _remove_failed(self, endpoint: dict[str, Any]) -> None:
        """An endpoint whose creation has failed serves nothing. An earlier attempt's is created again."""
        reason = endpoint.get("FailureReason", "AWS gives no reason")
        if not self._has_created:
            self._require_wanted("")
        self._say(f"Endpoint {self.name} is Failed: {reason}. Deleting it.")
        ENDPOINT.delete(self._aws.sagemaker, self.name)
        if self._has_created:
            raise LiveEndpointError(f"Endpoint {self.name} could not be created: {reason}")
        self._has_removed = True

    # Update

    def _update(self, endpoint: dict[str, Any]) -> None:
        served = self._served(endpoint)
        self._require_wanted(served.get(DATE, ""))
        self._put_alarms(self._config)
        if self._waits_for_alarms():
            return
        before = self._probe(served).ask()
        self._say(f"Before the update: {before}")
        previous = int(served.get(VERSION, 0)) or None
        # Before there is a configuration, so that no other promotion cleans it up.
        now, modified = time_of(endpoint), endpoint["LastModifiedTime"]
        self._note_attempt(endpoint, _Attempt(self._config, now, modified, endpoint["EndpointConfigName"], previous))
        self._make(MODEL)
        self._make(ENDPOINT_CONFIG)
        self._say(f"Updating endpoint {self.name} from version {previous} to version {self._number}.")
        config = deployment_config(self._settings, self._guards(before))
        self._request_update(self._config, DeploymentConfig=config)

    def _note_attempt(self, endpoint: Mapping[str, Any], attempt: _Attempt) -> None:
        tags = [{"Key": PROMOTING, "Value": str(attempt)}]
        self._aws.sagemaker.add_tags(ResourceArn=endpoint["EndpointArn"], Tags=tags)

    def _request_update(self, config: str, **guardrails: Any) -> None:
        try:
            self._aws.sagemaker.update_endpoint(EndpointName=self.name, EndpointConfigName=config, **guardrails)
            self._has_asked = True
        except ClientError:
            # By another run, or by this request: if its answer is lost, botocore sends it again.
            endpoint = ENDPOINT.describe(self._aws.sagemaker, self.name) or {}
            if endpoint.get("EndpointStatus") not in IN_PROGRESS:
                raise

    def _waits_for_alarms(self) -> bool:
        """
        Whether an alarm is in ALARM because of an earlier update: it would roll this one back at once. It is OK after
        its next evaluation, because there are no data yet of what it watches now.
        """
        alarms = self._aws.cloudwatch.describe_alarms(AlarmNames=alarm_names(self.name), StateValue="ALARM")
        for alarm in alarms["MetricAlarms"]:
            self._say(f"The alarm {alarm['AlarmName']} is still in ALARM: {alarm['StateReason']}")
        return bool(alarms["MetricAlarms"])

    def _guards(self, before: Answers) -> list[str]:
        """
        The alarms that guard the update. If the old model fails smoke tests, their alarm would only keep a better one
        out; the smoke tests after the update remain.

        :param before: the answers before the update
        """
        names = alarm_names(self.name)
        if not before.failed:
            return names
        self._log.warning("Smoke tests do not guard this update, because the old model fails: %s", before.words)
        return [name for name in names if not name.endswith(SMOKE_TEST)]

    def _watch(self, endpoint: dict[str, Any], attempt: _Attempt | None) -> None:
        status, pending = endpoint["EndpointStatus"], endpoint.get("PendingDeploymentSummary", {})
        config = pending.get("EndpointConfigName", endpoint["EndpointConfigName"])
        if pending and attempt is not None and config not in {attempt.config, attempt.previous_config}:
            # Two promotions have noted their attempts, and then the first one's request came before the second one's.
            self._note_attempt(endpoint, replace(attempt, config=config))
        stage = _stage_of(pending)
        words = ": ".join(filter(None, (status, stage.get("StatusMessage"))))
        self._has_asked |= config == self._config
        whose = "" if config == self._config else " (not by this promotion, which waits for the end)"
        self._say(f"Endpoint {self.name} is {words}{whose}")
        if config == self._config and status == "Updating" and stage.get("Status") in HAVE_TRAFFIC:
            self._ask_while_updating(self._probe(self._served(endpoint)))
        if time_of(endpoint) > self._until:
            raise LiveEndpointError(f"Endpoint {self.name} is still {status} at {self._until.isoformat()}.")

    def _ask_while_updating(self, probe: Probe) -> None:
        """The alarm on what is published here rolls the update back."""
        answers = probe.ask(ASKED_AT_ONCE)
        self._log.info("%s", answers)
        self._aws.cloudwatch.put_metric_data(**failed_smoke_tests(self.name, answers.failed))

    # In service with the version

    def _check(self, endpoint: dict[str, Any], attempt: _Attempt | None) -> Promoted | None:
        answers = self._probe({}).ask()
        if self._version.properties.get(SMOKE_TESTS):
            self._say(f"Endpoint {self.name} is in service with version {self._number}: {answers}")
        else:
            self._log.warning("Version %s has no smoke tests, so its answers were not checked.", self._number)
        if answers.old or answers.failed:
            self._failed_checks += 1
            if self._failed_checks == FAILED_CHECKS:
                self._take_back(endpoint, attempt, answers)
            return None
        self._clean_up()
        if attempt is None:
            return self._result("already live", endpoint)
        if attempt.modified == BEFORE_ALL:
            return self._result("created", endpoint)
        return self._result("updated", endpoint, attempt.previous_version)

    def _take_back(self, endpoint: dict[str, Any], attempt: _Attempt | None, answers: Answers) -> None:
        """Serve the configuration of before again: the update has ended, so AWS does not roll it back any more."""
        words = f"it does not answer as it should: {answers.words or answers}."
        serves = f"Endpoint {self.name} serves version {self._number}: {words}"
        if attempt is None or attempt.previous_config not in self._names(ENDPOINT_CONFIG):
            raise LiveEndpointError(
                f"{serves} There is no other version to go back to. AWS bills the endpoint until it is turned off."
            )
        if self._given_up:
            raise LiveEndpointError(
                f"{serves} It could not go back to {attempt.previous_config}: "
                f"{endpoint.get('FailureReason', 'AWS gives no reason')}. Serve another version, or turn it off."
            )
        self._log.error("Version %s: %s Going back to %s.", self._number, words, attempt.previous_config)
        self._give_up(endpoint, attempt, words)
        self._note_attempt(endpoint, replace(attempt, modified=endpoint["LastModifiedTime"]))
        self._request_update(attempt.previous_config)
        self._failed_checks = 0

    def _note_rollback(self, endpoint: dict[str, Any], attempt: _Attempt) -> Promoted:
        if not self._given_up and not self._was_rolled_back():
            reasons = self._reasons(attempt, endpoint) or ["AWS gives no reason"]
            reason = " ".join(f"{one.rstrip('.')}." for one in reasons)
            has_tripped = any(self._tripped(attempt.started))
            self._put_alarms(endpoint["EndpointConfigName"])
            if not has_tripped:
                self._fail_to_update(endpoint, reason)
            self._give_up(endpoint, attempt, reason)
        self._clean_up()
        return self._result("rolled back", endpoint, reason=self._given_up or self._version.approval_reason)

    def _fail_to_update(self, endpoint: Mapping[str, Any], reason: str) -> None:
        """No alarm has tripped: the new instances have not started. That need not be the model's fault."""
        self._clean_up()
        serves = self._served(endpoint).get(VERSION, "of an unknown number")
        raise LiveEndpointError(
            f"Endpoint {self.name} was not updated to version {self._number}, and serves version {serves}: {reason}"
        )

    def _was_tried(self, attempt: _Attempt, endpoint: Mapping[str, Any]) -> bool:
        """
        Whether the endpoint serves again what served before the attempt. If no process has seen the update, and AWS
        gives no reason for a rollback, then it was never requested, and something else has modified the endpoint.
        """
        is_as_before = endpoint["EndpointConfigName"] == attempt.previous_config
        if not is_as_before or endpoint["LastModifiedTime"] <= attempt.modified:
            return False
        return self._has_asked or self._was_rolled_back() or bool(self._reasons(attempt, endpoint))

    def _reasons(self, attempt: _Attempt, endpoint: Mapping[str, Any]) -> list[str]:
        alarms = [f"{name}: {reason}" for name, reason in self._tripped(attempt.started)]
        return [*filter(None, [endpoint.get("FailureReason")]), *alarms]

    def _give_up(self, endpoint: Mapping[str, Any], attempt: _Attempt, reason: str) -> None:
        """Reject the version, unless it serves, because only its settings were new."""
        self._given_up = f"Version {self._number} was rolled back by {self.name}: {reason}"
        if attempt.previous_version != self._number:
            self._version = self._registry.roll_back(self._version, time_of(endpoint), self._given_up)

    def _tripped(self, since: datetime) -> Iterator[tuple[str, str]]:
        """The alarms that have gone to ALARM since then, and why."""
        for name in alarm_names(self.name):
            history = self._aws.cloudwatch.describe_alarm_history(
                AlarmName=name, HistoryItemType="StateUpdate", StartDate=since
            )
            for item in history["AlarmHistoryItems"]:
                state = json.loads(item["HistoryData"]).get("newState", {})
                if state.get("stateValue") == "ALARM":
                    yield name, state.get("stateReason", "")
                    break

    def _result(
        self, status: Status, endpoint: dict[str, Any], previous: int | None = None, reason: str = ""
    ) -> Promoted:
        serving = self._served(endpoint).get(VERSION)
        result = Promoted(self.name, self._number, status, int(serving) if serving else None, previous, reason)
        self._log.info("%s", result)
        return result

    # What there is

    def _require_wanted(self, live_date: str) -> None:
        if objection := self._objection(self._version, live_date):
            raise NotPromoted(objection)

    def _require_ours(self, kind: Kind, name: str, tags: Mapping[str, str]) -> None:
        for key in (LIVE, DEPLOYMENT):
            if tags.get(key) != self._tags[key]:
                raise LiveEndpointError(
                    f"The {kind.noun} {name} exists and is none of this deployment's: its tag {key} is "
                    f"{tags.get(key)!r}, not {self._tags[key]!r}. Correct the tag, or delete the {kind.noun}."
                )

    def _served(self, endpoint: Mapping[str, Any]) -> dict[str, str]:
        """The tags of the configuration that serves."""
        found = ENDPOINT_CONFIG.find(self._aws.sagemaker, endpoint["EndpointConfigName"])
        return found[1] if found else {}

    def _probe(self, served: Mapping[str, str]) -> Probe:
        """
        :param served: the tags of the configuration that has served so far
        """
        old = int(served.get(VERSION, 0))
        tests = self._smoke_tests_of(old) if old and old != self._number else ()
        return Probe(self._aws.runtime, self.name, self._smoke_tests(self._version), tests)

    def _smoke_tests_of(self, number: int) -> SmokeTests:
        try:
            return self._smoke_tests(self._registry.version(number))
        except ConfigurationError as error:  # somebody has deleted the version
            self._log.warning("Nothing is known of what has served so far: %s.", error)
            return ()

    def _smoke_tests(self, version: Version) -> SmokeTests:
        if not (uri := version.properties.get(SMOKE_TESTS)):
            return ()
        try:
            tests: SmokeTests = self._storage.read_json(self._storage.key_of(uri))
        except DataError as error:  # somebody has deleted them
            self._log.warning("The smoke tests of version %s cannot be read: %s", version.number, error)
            return ()
        return tests

    def _make(self, kind: Kind) -> None:
        request = self._requests[kind.request_name]
        name = request[f"{kind.request_name}Name"]
        if (found := kind.find(self._aws.sagemaker, name)) is not None:
            self._require_ours(kind, name, found[1])
            return
        try:
            kind.call(self._aws.sagemaker, "create", name, **request)
        except ClientError:
            if kind.describe(self._aws.sagemaker, name) is None:
                raise

    def _put_alarms(self, config: str) -> None:
        """
        Let the alarms watch the instances of an endpoint configuration. PutMetricAlarm overwrites an alarm as a whole.
        The actions that people have given it stay.
        """
        limits = self._settings.max_error_share, self._settings.max_latency_ms
        found = self._aws.cloudwatch.describe_alarms(AlarmNames=alarm_names(self.name))["MetricAlarms"]
        actions = {alarm["AlarmName"]: {key: alarm[key] for key in ALARM_ACTIONS if key in alarm} for alarm in found}
        for request in alarm_requests(self.name, config, *limits, {**self._tags, **self._rules.tags}):
            self._aws.cloudwatch.put_metric_alarm(**request, **actions.get(request["AlarmName"], {}))

    def _names(self, kind: Kind) -> list[str]:
        """Of the resources of this endpoint, the newest first."""
        client, start = self._aws.sagemaker, start_of_live_names(self._hashtag)
        names = kind.list_names(client, NameContains=start, SortBy="CreationTime", SortOrder="Descending")
        return [name for name in names if name.startswith(start) and self._is_ours(kind, name)]

    def _is_ours(self, kind: Kind, name: str) -> bool:
        found = kind.find(self._aws.sagemaker, name)
        return found is not None and found[1].items() >= self._tags.items()

    def _clean_up(self) -> None:
        """Delete what does not serve, except what another promotion has made meanwhile; forget the own attempt."""
        client = self._aws.sagemaker
        names = [(kind, name) for kind in (ENDPOINT_CONFIG, MODEL) for name in self._names(kind)]
        if (found := ENDPOINT.find(client, self.name)) is None:
            return
        endpoint, tags = found
        attempt = _Attempt.of(tags)
        kept = {endpoint["EndpointConfigName"], endpoint.get("PendingDeploymentSummary", {}).get("EndpointConfigName")}
        is_ours = attempt is None or attempt.config == self._config
        if attempt is not None and not is_ours:
            kept.add(attempt.config)
        for kind, name in names:
            if name not in kept:
                kind.delete(client, name)
        if is_ours:
            client.delete_tags(ResourceArn=endpoint["EndpointArn"], TagKeys=[PROMOTING])

    def _say(self, words: str) -> None:
        """Log each state once."""
        if words != self._last_said:
            self._last_said = words
            self._log.info(words)


def _stage_of(pending: Mapping[str, Any]) -> dict[str, Any]:
    """The stage of a new fleet: Status and StatusMessage."""
    statuses = [status for variant in pending.get("ProductionVariants", []) for status in variant["VariantStatus"]]
    return statuses[-1] if statuses else {}
