"""
AWS sessions that share the descriptions of AWS's services.

botocore reads megabytes of JSON for the first client of a session, and Airflow's hooks make a session each. Here a
process reads them once, and forks need not read what their parent has read. The option `session_factory` in Airflow's
section `aws` switches it on (docs/operations.md). The provider does the same for its asynchronous sessions.
"""

from __future__ import annotations

from typing import Any

import botocore.session
from airflow.providers.amazon.aws.hooks.base_aws import BaseSessionFactory
from botocore.config import Config
from botocore.loaders import Loader

from include.config.settings import BOTOCORE_CONFIG

SERVICES = ("s3", "sagemaker", "sagemaker-runtime", "logs")
_LOADER = Loader()


class SharedModelsSessionFactory(BaseSessionFactory):
    """Airflow's sessions, but all of a process read the descriptions of services with the same loader."""

    def create_session(self, deferrable: bool = False) -> Any:
        session = super().create_session(deferrable)
        if not deferrable:
            session._session.register_component("data_loader", _LOADER)  # boto3 has no other way to it
        return session


def read_models() -> None:
    """Read what clients of this product's services need. No request is sent."""
    session = botocore.session.get_session()
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
