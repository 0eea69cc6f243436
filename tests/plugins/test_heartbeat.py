import subprocess
import sys
from datetime import UTC, datetime, timedelta
from socket import gethostname

import pytest
from sqlalchemy import create_engine

from local_stack.ports import free_port
from local_stack.postgres import Postgres, home_of_postgres
from tests.conftest import REPOSITORY

HERE, ELSEWHERE = gethostname(), "another-container"


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    """A database with Airflow's table of jobs alone."""
    from airflow.jobs.job import Job

    postgres = Postgres(home_of_postgres(tmp_path_factory.mktemp("stack")), free_port(), "secret")
    postgres.create()
    with subprocess.Popen(postgres.command, stderr=subprocess.DEVNULL, **postgres.how_to_start()) as process:
        try:
            while not postgres.is_ready():
                assert process.poll() is None
            postgres.create_database()
            engine = create_engine(postgres.url)
            Job.__table__.create(engine)
            yield postgres.url, engine, Job.__table__
            engine.dispose()
        finally:
            process.terminate()
    postgres.remove()


@pytest.mark.parametrize(
    ("job_type", "hostname", "state", "age", "is_alive"),
    [
        ("TriggererJob", HERE, "running", 5, True),
        ("TriggererJob", HERE, "running", 40, False),
        ("TriggererJob", HERE, "success", 5, False),
        ("TriggererJob", ELSEWHERE, "running", 5, False),
        ("SchedulerJob", HERE, "running", 5, False),
    ],
)
def test_a_component_is_healthy_if_its_own_heart_beats(jobs, job_type, hostname, state, age, is_alive):
    url, engine, table = jobs
    row = {"job_type": job_type, "hostname": hostname, "state": state}
    with engine.begin() as connection:
        connection.execute(table.delete())
        connection.execute(table.insert().values(latest_heartbeat=datetime.now(UTC) - timedelta(seconds=age), **row))
    done = subprocess.run(
        [sys.executable, "-m", "hashtag_retrain.heartbeat", "TriggererJob"],
        cwd=REPOSITORY,
        env={"PYTHONPATH": f"{REPOSITORY}/plugins", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url},
        capture_output=True,
        text=True,
    )

    assert (done.returncode == 0) == is_alive, done.stderr
    assert ("No TriggererJob of" in done.stderr) == (not is_alive)
