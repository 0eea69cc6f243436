"""
Airflow's plugin: it creates the pools, imports modules once for all forks, checks the hosts of requests, puts dates in
the ids of triggered runs, adds the timetable and the deadlines, and shows the page *Hashtags*.
"""

from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from hashtag_retrain import hosts, page, pools, preloading, run_ids
from hashtag_retrain.deadlines import ScheduledRun
from hashtag_retrain.timetable import TweetsTimetable


class HashtagRetrainPlugin(AirflowPlugin):
    name = "hashtag_retrain"
    listeners = [pools, preloading]  # noqa: RUF012 (Airflow's interface)
    fastapi_root_middlewares = hosts.middlewares() + run_ids.middlewares()
    external_views = page.VIEWS
    deadline_references = [ScheduledRun]  # noqa: RUF012
    timetables = [TweetsTimetable]  # noqa: RUF012

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:
        """Airflow reads this in the API server alone. Other processes do not import the page's application."""
        from hashtag_retrain.page.app import app

        return [{"name": "Hashtags", "app": app, "url_prefix": page.PREFIX}]
