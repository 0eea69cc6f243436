"""Let the live endpoint serve a version, or turn the live endpoint off, while the task waits."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

from hashtag_retrain.triggers.polling import Done, PollingTrigger
from include.aws.registry import Registry
from include.aws.storage import Storage
from include.config.company import CompanyRules
from include.config.names import Keys, model_package_group
from include.config.settings import Settings
from include.live.objections import objection_of_person, objection_of_run
from include.live.promotion import Clients, NotPromoted, Objection, Promotion
from include.live.requests import LiveSettings
from include.live.retirement import Retirement


class LiveEndpointTrigger(PollingTrigger):
    """
    What the triggers of live endpoints have in common.

    :param deployment: the fields of `include.config.settings.Settings`; the triggerer may have another environment
    """

    def __init__(
        self, hashtag: str, deployment: dict[str, Any], poll_seconds: float, hook_arguments: dict[str, Any]
    ) -> None:
        super().__init__(poll_seconds, hook_arguments)
        self.hashtag = hashtag
        self.deployment = deployment

    @cached_property
    def settings(self) -> Settings:
        return Settings(**self.deployment)

    def connect(self, service: str) -> Any:
        """A boto3 client with the operator's connection."""
        return AwsBaseHook(client_type=service, **self.hook_arguments).get_conn()

    @property
    def clients(self) -> Clients:
        return Clients(self.client, self.connect("sagemaker-runtime"), self.connect("cloudwatch"))


class PromotionTrigger(LiveEndpointTrigger):
    """
    Let the live endpoint serve a version, and wait for the end of the update. The result is a `Promoted`.

    :param date: of the tweets of the run whose version it is; empty if a person has chosen the version
    :param live: the fields of `include.live.requests.LiveSettings`
    :param started: ISO 8601, as the next one
    :param until: it is an error if the endpoint is still in transition then
    :param rules: the fields of `include.config.company.CompanyRules` that have other values than their defaults
    """

    def __init__(
        self,
        hashtag: str,
        version: int,
        date: str,
        live: dict[str, Any],
        deployment: dict[str, Any],
        started: str,
        until: str,
        poll_seconds: float,
        hook_arguments: dict[str, Any],
        rules: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(hashtag, deployment, poll_seconds, hook_arguments)
        self.rules = rules or {}
        self.version = version
        self.date = date
        self.live = live
        self.started = started
        self.until = until

    def poll(self) -> Done | None:
        try:
            promoted = self._promotion.poll()
        except NotPromoted as objection:
            return Done(skip=str(objection))
        return None if promoted is None else Done(promoted.to_xcom())

    @cached_property
    def _promotion(self) -> Promotion:
        settings, storage = self.settings, Storage(self.connect("s3"), self.settings.bucket)
        artifacts = storage.uri(f"{settings.prefix}/")
        registry = Registry(self.client, model_package_group(self.hashtag), artifacts)
        objection: Objection = objection_of_person
        if self.date:
            objection = objection_of_run(storage, registry, Keys(settings.prefix, self.hashtag, self.date))
        return Promotion(
            clients=self.clients,
            storage=storage,
            registry=registry,
            hashtag=self.hashtag,
            number=self.version,
            settings=LiveSettings(**self.live),
            deployment=settings,
            objection=objection,
            started=datetime.fromisoformat(self.started),
            until=datetime.fromisoformat(self.until),
            log=self.log,
            rules=CompanyRules(**self.rules),
        )


class RetirementTrigger(LiveEndpointTrigger):
    """
    Delete the live endpoint and all that belongs to it, and wait for the end. The result is a list of names.

    :param deleted: the names of what was deleted so far
    """

    def __init__(
        self,
        hashtag: str,
        deployment: dict[str, Any],
        poll_seconds: float,
        hook_arguments: dict[str, Any],
        deleted: list[str] | None = None,
    ) -> None:
        super().__init__(hashtag, deployment, poll_seconds, hook_arguments)
        self.deleted = deleted or []

    def poll(self) -> Done | None:
        deleted = self._retirement.poll()
        return None if deleted is None else Done(deleted)

    @cached_property
    def _retirement(self) -> Retirement:
        return Retirement(self.clients, self.hashtag, self.settings.deployment, self.log, self.deleted)
