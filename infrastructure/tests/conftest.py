"""The tests' local AWS, which enforces IAM, and whole runs in it as users who may do what the policies say."""

from tests.conftest import *  # noqa: F403
from tests.conftest import _answers_obey_the_service_model, _remove_airflow_home, pytest_collection_finish  # noqa: F401
from tests.dags.runs import *  # noqa: F403
