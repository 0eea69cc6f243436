"""
The page *Hashtags* in Airflow's UI: the models of all hashtags, and what waits for a person.

Only Airflow's API server imports the modules of this package. A request reads Airflow's database alone, never S3 or
SageMaker.
"""

from typing import Any

PREFIX = "/hashtags"
"""Of the page's addresses, below that of Airflow."""
_ADDRESS = PREFIX.removeprefix("/") + "/"  # relative, because Airflow itself can be below a prefix
VIEWS: list[dict[str, Any]] = [
    {"name": "Hashtags", "href": _ADDRESS, "destination": "nav", "url_route": "hashtags", "nav_top_level": True},
    {"name": "Hashtag", "href": f"{_ADDRESS}{{DAG_ID}}", "destination": "dag", "url_route": "hashtag"},
    {
        "name": "Hashtag",
        "href": f"{_ADDRESS}{{DAG_ID}}?run_id={{RUN_ID}}",
        "destination": "dag_run",
        "url_route": "hashtag-run",
    },
]
"""Airflow's external views: an entry of the navigation, and tabs of the DAG and of the run."""
