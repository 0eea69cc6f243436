"""What Airflow itself must know of this package: the pools are made when its components start."""

from airflow.plugins_manager import AirflowPlugin

from hashtag_retrain import pools
from hashtag_retrain.deadlines import ScheduledRun


class HashtagRetrainPlugin(AirflowPlugin):
    name = "hashtag_retrain"
    listeners = [pools]  # noqa: RUF012 (Airflow's own way)
    deadline_references = [ScheduledRun]  # noqa: RUF012
