"""
Whether this machine's component of Airflow is alive, for health checks:
``python -m hashtag_retrain.heartbeat SchedulerJob``.

``airflow jobs check --local`` answers the same, but imports all of Airflow for it: four seconds of CPU at each check
of each component. Airflow's database must be PostgreSQL, and ``[core] hostname_callable`` ``socket.gethostname``.
"""

from __future__ import annotations

import os
import sys
from socket import gethostname

import psycopg2

MAX_AGE_SECONDS = 30
"""Airflow's default, for example ``[scheduler] scheduler_health_check_threshold``."""
ALIVE = """
    SELECT count(*) FROM job
    WHERE job_type = %s AND hostname = %s AND state = 'running' AND latest_heartbeat > now() - make_interval(secs => %s)
"""


def main(job_type: str) -> int:
    """
    :param job_type: SchedulerJob, DagProcessorJob or TriggererJob
    """
    if is_alive(job_type):
        return 0
    print(
        f"No {job_type} of {gethostname()} has sent a heartbeat in the last {MAX_AGE_SECONDS} seconds.", file=sys.stderr
    )
    return 1


def is_alive(job_type: str) -> bool:
    """Whether a job of this type on this machine is running and has just sent a heartbeat."""
    url = os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg2", "", 1)
    with psycopg2.connect(url, connect_timeout=5) as connection, connection.cursor() as cursor:
        cursor.execute(ALIVE, (job_type, gethostname(), MAX_AGE_SECONDS))
        return bool(cursor.fetchone()[0])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
