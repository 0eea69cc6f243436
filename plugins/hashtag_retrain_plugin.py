"""
Airflow's plugin: it creates the pools, imports modules once for all forks, checks the hosts of requests, and adds the
timetable and the deadlines.
"""

from airflow.plugins_manager import AirflowPlugin

from hashtag_retrain import hosts, pools, preloading
from hashtag_retrain.deadlines import ScheduledRun
from hashtag_retrain.timetable import TweetsTimetable


class HashtagRetrainPlugin(AirflowPlugin):
    name = "hashtag_retrain"
    listeners = [pools, preloading]  # noqa: RUF012 (Airflow's interface)
    fastapi_root_middlewares = hosts.middlewares()
    deadline_references = [ScheduledRun]  # noqa: RUF012
    timetables = [TweetsTimetable]  # noqa: RUF012
