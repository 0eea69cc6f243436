"""What Airflow itself must know of this package: pools, allowed hosts, deadlines."""

from airflow.plugins_manager import AirflowPlugin

from hashtag_retrain import hosts, pools
from hashtag_retrain.deadlines import ScheduledRun


class HashtagRetrainPlugin(AirflowPlugin):
    name = "hashtag_retrain"
    listeners = [pools]  # noqa: RUF012 (Airflow's own way)
    fastapi_root_middlewares = hosts.middlewares()
    deadline_references = [ScheduledRun]  # noqa: RUF012
