"""A stack's ports and folders, and the environment in which its parts find each other."""

import base64
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from include.config.errors import ConfigurationError
from local_aws import PORT as LOCAL_AWS_PORT
from local_stack.ports import LOOPBACK, free_port
from local_stack.postgres import Postgres, home_of_postgres

REPOSITORY = Path(__file__).parents[1]
HOME = REPOSITORY / ".airflow"
DEFAULT_AIRFLOW_PORT = 8080
SAMPLE_HASHTAGS = REPOSITORY / "include" / "sample_data" / "hashtags.yaml"
LOOPBACK_WITHOUT_PROXY = {"NO_PROXY": f"{LOOPBACK},localhost", "no_proxy": f"{LOOPBACK},localhost"}
LOCAL_EXECUTOR = "hashtag_retrain.executors.RememberingLocalExecutor"
SESSION_FACTORY = "hashtag_retrain.sessions.SharedModelsSessionFactory"


FERNET_KEY = base64.urlsafe_b64encode(b"local stack".ljust(32)).decode()
"""Always the same, because a start reads what earlier ones stored. A secret key would lie beside what it encrypts."""


@dataclass(frozen=True, slots=True)
class StackSettings:
    """One stack's settings."""

    airflow_port: int = DEFAULT_AIRFLOW_PORT
    """AIRFLOW_PORT: the port of Airflow's web UI and REST API."""
    local_aws_port: int = LOCAL_AWS_PORT
    """LOCAL_AWS_PORT: the port of all AWS services."""
    home: Path = HOME
    """LOCAL_STACK_HOME: Airflow's home, with the logs of tasks and processes."""
    hashtags_file: Path = SAMPLE_HASHTAGS
    pace: float | None = None
    """The option --pace of `python -m local_aws`."""
    data_dir: Path | None = None
    """The folder in which the local AWS keeps its state. None: in memory."""
    history: Path | None = None
    """The file in which Airflow's database stays for the next start. None: it does not stay."""
    bucket: str = "local-tweets"
    executor: str = LOCAL_EXECUTOR
    more: Mapping[str, str] = field(default_factory=dict)
    """Environment variables that are added, or replace the stack's own."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ, **settings: Any) -> Self:
        """
        :raises ConfigurationError: a port is not a port number, or both ports are the same
        """
        ports = {}
        for name, default in (("AIRFLOW_PORT", DEFAULT_AIRFLOW_PORT), ("LOCAL_AWS_PORT", LOCAL_AWS_PORT)):
            text = environment.get(name, str(default))
            if not text.isdecimal() or not 0 < int(text) < 65536:
                raise ConfigurationError(f"{name}={text!r} is not a port number")
            ports[name] = int(text)
        if ports["AIRFLOW_PORT"] == ports["LOCAL_AWS_PORT"]:
            raise ConfigurationError(
                f"AIRFLOW_PORT and LOCAL_AWS_PORT are both {ports['AIRFLOW_PORT']}; they must be different"
            )
        home = Path(environment.get("LOCAL_STACK_HOME") or HOME).resolve()
        return cls(airflow_port=ports["AIRFLOW_PORT"], local_aws_port=ports["LOCAL_AWS_PORT"], home=home, **settings)

    @classmethod
    def on_free_ports(cls, home: Path, **settings: Any) -> Self:
        """Settings for tests and chaos, which run beside other stacks."""
        return cls(airflow_port=free_port(), local_aws_port=free_port(), home=home, **settings)

    @property
    def airflow_url(self) -> str:
        return f"http://{LOOPBACK}:{self.airflow_port}"

    @property
    def local_aws_url(self) -> str:
        return f"http://{LOOPBACK}:{self.local_aws_port}"

    def new_postgres(self) -> Postgres:
        """A database server for one session, on a free port."""
        return Postgres(home_of_postgres(self.home), free_port(), secrets.token_urlsafe(24))

    def environment(self, database_url: str) -> dict[str, str]:
        """The environment in which Airflow, its tasks and AWS clients find each other."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "RETRAIN_", "AIRFLOW_"))  # these belong to a real deployment
        }
        return {
            **inherited,
            **LOOPBACK_WITHOUT_PROXY,
            "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{REPOSITORY / 'plugins'}",
            "PYTHONUNBUFFERED": "1",
            "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",  # in huge pages there is less for each task's fork to copy
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__EXECUTOR": self.executor,
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.airflow_url}/execution/",
            "AIRFLOW__CORE__FERNET_KEY": FERNET_KEY,
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database_url,
            "AIRFLOW__API__HOST": LOOPBACK,
            "AIRFLOW__API__PORT": str(self.airflow_port),
            "AIRFLOW__API__BASE_URL": self.airflow_url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "AIRFLOW_CONN_AWS_DEFAULT": '{"conn_type": "aws"}',
            "AIRFLOW__AWS__SESSION_FACTORY": SESSION_FACTORY,
            "AWS_ENDPOINT_URL": self.local_aws_url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "RETRAIN_ALLOWED_HOSTS": f"{LOOPBACK},localhost",
            "RETRAIN_BUCKET": self.bucket,
            "RETRAIN_ROLE_ARN": "arn:aws:iam::123456789012:role/local-sagemaker",
            "RETRAIN_POLL_SECONDS": "1",
            "RETRAIN_RETRY_SECONDS": "3",
            "RETRAIN_HASHTAGS_FILE": str(self.hashtags_file),
            "RETRAIN_TWEETS_QUEUE_URL": os.environ.get("RETRAIN_TWEETS_QUEUE_URL", ""),  # to try it on the local AWS
            **self.more,
        }
