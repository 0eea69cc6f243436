"""
The page *Hashtags* beside Airflow's own list of DAGs, for the same hashtags: 100 hashtags with 1,000 dates each.

Both are answers of Airflow's API server in this process, with a PostgreSQL of its own. The list of DAGs is what
Airflow's UI asks for: the same DAGs with their last ten runs. The times are CPU times, the database's included. Aim:
the page takes at most twice the time of the list.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from local_stack.ports import free_port
from local_stack.postgres import Postgres, home_of_postgres

HASHTAGS, DATES = 100, 1000
ROUNDS = 30
FIRST_DATE = "2023-04-01"
MAX_RATIO = 2.0
HELD = "hold_endpoint"
TASKS = f"""
INSERT INTO task_instance (id, dag_id, run_id, task_id, map_index, state, start_date, pool, pool_slots, try_number,
    max_tries, priority_weight, executor_config)
SELECT gen_random_uuid(), run.dag_id, run.run_id, task, -1,
    CASE task WHEN 'tune_model' THEN 'skipped' ELSE 'success' END, run.start_date, one.pool, 1, 1, 0, 1,
    one.executor_config
FROM dag_run run, task_instance one,
    unnest(ARRAY['tune_model', 'deploy_endpoint', '{HELD}', 'delete_endpoint', 'record_outcome']) task
WHERE one.task_id = '{HELD}' AND NOT (task = '{HELD}' AND (run.dag_id, run.run_id) = (one.dag_id, one.run_id))
"""
"""Five tasks of each run that have ended."""
QUESTIONS = f"""
INSERT INTO hitl_detail (ti_id, options, subject, params, params_input, created_at, responded_at)
SELECT task.id, one.options, one.subject, one.params, one.params_input, task.start_date, task.start_date
FROM task_instance task, hitl_detail one WHERE task.task_id = '{HELD}' AND task.id <> one.ti_id
"""
"""A question of each run that has been answered."""


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, _database(Path(folder)) as (url, server):
        # Airflow reads its configuration when it is first imported.
        os.environ |= {
            "AIRFLOW_HOME": folder,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(Path(__file__).parents[1] / "plugins"),
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        }
        return _compare(server)


@contextmanager
def _database(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    postgres = Postgres(home_of_postgres(folder), free_port(), "benchmark")
    postgres.create()
    server = subprocess.Popen(postgres.command, stderr=subprocess.DEVNULL, **postgres.how_to_start())
    try:
        while not postgres.is_ready():
            time.sleep(0.1)
        postgres.create_database()
        yield postgres.url, psutil.Process(server.pid)
    finally:
        server.terminate()
        server.kill()
        server.wait()
        postgres.remove()


def _compare(server: psutil.Process) -> int:
    client = _client()
    print(f"{HASHTAGS} hashtags with {DATES} dates each ...", flush=True)
    _fill()
    pages = {
        "Airflow's list of the DAGs": "/ui/dags?limit=100&dag_runs_limit=10&exclude_stale=true",
        "page of all hashtags": "/hashtags/",
        "page of one hashtag": "/hashtags/retrain_h007",
    }
    for path in pages.values():
        client.get(path)
    used = dict.fromkeys(pages, 0.0)
    for _ in range(ROUNDS):
        for name, path in pages.items():
            used[name] += _cpu_milliseconds(server, client, path) / ROUNDS
    peer, *others = used
    for name, milliseconds in used.items():
        size, queries = len(client.get(pages[name]).content), _queries(client, pages[name])
        print(
            f"{name:<28}{milliseconds:>8.0f} ms{size / 1000:>8.0f} kB{queries:>4} queries, ratio "
            f"{milliseconds / used[peer]:.2f}"
        )
    return 0 if all(used[name] <= MAX_RATIO * used[peer] for name in others) else 1


def _client() -> Any:
    from airflow.api_fastapi.app import cached_app, get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.utils.db import initdb
    from fastapi.testclient import TestClient

    initdb()
    client = TestClient(cached_app())
    user = SimpleAuthManagerUser(username="somebody", role="ADMIN")
    client.cookies.set("_token", get_auth_manager().generate_jwt(user))
    return client


def _fill() -> None:
    """Date by date, as daily runs do, so that the rows of a hashtag are far from each other."""
    from airflow.utils.session import create_session
    from sqlalchemy import text

    from tests.plugins.page.rows import Rows, dates_from

    hashtags = [f"h{number:03d}" for number in range(HASHTAGS)]
    with create_session(scoped=False) as session:
        rows = Rows(session)
        for hashtag in hashtags:
            rows.add_dag(hashtag)
        for version, date in enumerate(dates_from(FIRST_DATE, DATES), start=1):
            rows.add_dates(hashtags, [date], version)
        rows.add_question(rows.add_task(hashtags[0], "scheduled__" + FIRST_DATE, HELD, "success"), "Keep it?")
        session.execute(text(TASKS))
        session.execute(text(QUESTIONS))
    with create_session(scoped=False) as session:
        session.execute(text("ANALYZE"))


def _cpu_milliseconds(server: psutil.Process, client: Any, path: str) -> float:
    """The CPU time of a request, in this process and in the database's."""
    started = time.process_time() + _cpu_seconds(server)
    answer = client.get(path)
    used = time.process_time() + _cpu_seconds(server) - started
    assert answer.status_code == 200, answer.text
    return used * 1000


def _cpu_seconds(server: psutil.Process) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in server.children())


def _queries(client: Any, path: str) -> int:
    """The number of the database's queries in a request."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    found = []
    event.listen(Engine, "before_cursor_execute", note := lambda *arguments: found.append(arguments[2]))
    client.get(path)
    event.remove(Engine, "before_cursor_execute", note)
    return len(found)


if __name__ == "__main__":
    sys.exit(main())
