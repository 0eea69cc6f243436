"""
AWS sessions that share the descriptions of AWS's services.

botocore reads megabytes of JSON for the first client of a session, and Airflow's hooks make a session each. Here a
process reads them once, and forks need not read what their parent has read. A fork also finds sessions that its parent
has made, for its first hooks, and the errors that its parent has looked for. Their ways to credentials are ready too;
what these lead to is looked up by each fork. The option `session_factory` in Airflow's section `aws` switches it on
(docs/operations.md). The provider shares the descriptions likewise for its asynchronous sessions.
"""

from __future__ import annotations

from typing import Any

import boto3.session
import botocore.session
from airflow.providers.amazon.aws.hooks.base_aws import BaseSessionFactory
from botocore.config import Config
from botocore.loaders import Loader

from include.config.settings import BOTOCORE_CONFIG

SERVICES = ("s3", "sagemaker", "sagemaker-runtime", "logs")
SESSIONS_OF_A_TASK = 3
"""No task makes more hooks."""
_LOADER = Loader()
_errors: dict[str, list[Any]] = {}
"""The shapes of errors by service."""


class _Session(botocore.session.Session):
    """At its first error a client looks for errors among all shapes of its service, thousands. These know them."""

    def create_client(self, service_name: str, *arguments: Any, **named: Any) -> Any:
        client = super().create_client(service_name, *arguments, **named)
        if service_name in _errors:
            client.meta.service_model.error_shapes = _errors[service_name]
        return client

    def prepare_credentials(self) -> None:
        """Make what looks for credentials. That takes longer than to find them, and reads files that may change."""
        self.get_component("credential_provider")
        self._config = self._profile_map = None  # the files' content


_ready: list[_Session] = []
"""Sessions without any setting or credentials. Each is taken once; a fork has copies of its own."""


class SharedModelsSessionFactory(BaseSessionFactory):
    """Airflow's sessions, but all of a process read the descriptions of services with the same loader."""

    def _create_basic_session(self, session_kwargs: dict[str, Any]) -> boto3.session.Session:
        # A profile has ways to credentials of its own.
        session = _ready.pop() if _ready and not session_kwargs.get("profile_name") else _Session()
        return boto3.session.Session(**session_kwargs, botocore_session=session)

    def create_session(self, deferrable: bool = False) -> Any:
        session = super().create_session(deferrable)
        if not deferrable:
            session._session.register_component("data_loader", _LOADER)  # boto3 has no other way to it
        return session


def make_ready() -> None:
    """Read what clients of this product's services need, and make sessions. No request is sent."""
    session = _Session()
    session.register_component("data_loader", _LOADER)
    for service in SERVICES:
        client = session.create_client(
            service,
            region_name="us-east-1",
            aws_access_key_id="none",
            aws_secret_access_key="none",
            config=Config(**BOTOCORE_CONFIG),
        )
        client.can_paginate(next(iter(client.meta.method_to_api_mapping)))  # this reads the pagination of all
        _errors[service] = client.meta.service_model.error_shapes
    _ready[:] = [_Session() for _ in range(SESSIONS_OF_A_TASK)]
    for session in _ready:
        session.prepare_credentials()
