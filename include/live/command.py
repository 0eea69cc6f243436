"""The same as the DAG live_endpoint, from a terminal and without Airflow."""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from include.aws.clock import time_now
from include.aws.registry import Registry
from include.aws.storage import Storage
from include.config.company import CompanyRules
from include.config.errors import LiveEndpointError
from include.config.names import model_package_group
from include.config.settings import BOTOCORE_CONFIG, Settings, poll_seconds
from include.live.bill import LiveEndpoint, live_endpoint_of
from include.live.objections import objection_of_person
from include.live.promotion import Clients, NotPromoted, Promotion
from include.live.requests import live_settings_of
from include.live.retirement import Retirement
from include.results import Promoted

Result = TypeVar("Result")


class Session:
    """
    Region and credentials from AWS's environment variables or files, the deployment from those of this product.

    :param log: gets a line for each state
    """

    def __init__(self, hashtag: str, log: logging.Logger):
        from boto3.session import Session as BotoSession
        from botocore.config import Config

        session, config = BotoSession(), Config(**BOTOCORE_CONFIG)
        self._hashtag, self._log, self._settings = hashtag, log, Settings.from_environment()
        self._clients = Clients(*(session.client(name, config=config) for name in Clients.SERVICES))
        self._s3: Any = session.client("s3", config=config)

    def show(self) -> LiveEndpoint | None:
        """The live endpoint; None if there is none."""
        return live_endpoint_of(self._clients.sagemaker, self._hashtag, self._settings.deployment)

    def serve(self, version: int) -> Promoted:
        """
        Let the live endpoint serve a version, and wait until it does.

        :raises LiveEndpointError: somebody has turned it off meanwhile, or a person must look
        """
        storage = Storage(self._s3, self._settings.bucket)
        artifacts = storage.uri(f"{self._settings.prefix}/")
        now, live = time_now(self._clients.sagemaker), live_settings_of(self._hashtag)
        promotion = Promotion(
            clients=self._clients,
            storage=storage,
            registry=Registry(self._clients.sagemaker, model_package_group(self._hashtag), artifacts),
            hashtag=self._hashtag,
            number=version,
            settings=live,
            deployment=self._settings,
            objection=objection_of_person,
            started=now,
            until=now + timedelta(seconds=2 * live.execution_seconds),
            log=self._log,
            rules=CompanyRules.from_environment(),
        )
        try:
            return _finish(promotion.poll)
        except NotPromoted as reason:
            raise LiveEndpointError(str(reason)) from None

    def turn_off(self) -> list[str]:
        """Delete the live endpoint and all that belongs to it; return what was deleted."""
        return _finish(Retirement(self._clients, self._hashtag, self._settings.deployment, self._log).poll)


def _finish(poll: Callable[[], Result | None]) -> Result:
    while (result := poll()) is None:
        time.sleep(poll_seconds())
    return result
