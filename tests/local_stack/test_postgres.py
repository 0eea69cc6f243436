import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from local_stack.airflow_api import wait_until
from local_stack.errors import StackError
from local_stack.ports import free_port
from local_stack.postgres import Postgres, home_of_postgres


@contextmanager
def running(folder) -> Iterator[Postgres]:
    """A server with an empty database."""
    postgres = Postgres(home_of_postgres(folder), free_port(), "secret")
    postgres.create()
    process = subprocess.Popen(postgres.command, stderr=subprocess.DEVNULL, **postgres.how_to_start())
    try:
        wait_until(postgres.is_ready, 60, "PostgreSQL")
        postgres.create_database()
        yield postgres
    finally:
        process.kill()
        process.wait()
        postgres.remove()


def test_what_one_server_dumps_another_restores_and_nobody_else_can_read_it(tmp_path):
    dump = tmp_path / "airflow.dump"
    with running(tmp_path / "first") as first:
        with closing(first.connect()) as connection, connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE runs (id text); INSERT INTO runs VALUES ('a run')")
        for _ in range(2):
            first.dump(dump)

    with running(tmp_path / "second") as second:
        second.restore(dump)
        with closing(second.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT id FROM runs")
            assert cursor.fetchall() == [("a run",)]
        dump.write_text("no dump")
        with pytest.raises(StackError, match=r"PostgreSQL's pg_restore failed: .*valid archive"):
            second.restore(dump)

    assert dump.stat().st_mode & 0o777 == 0o600


def test_a_dump_that_fails_leaves_the_earlier_one(tmp_path):
    dump = tmp_path / "airflow.dump"
    dump.write_text("an earlier one")

    with running(tmp_path / "first") as postgres:
        pass
    postgres.create()
    with pytest.raises(StackError, match=r"PostgreSQL's pg_dump failed: .*refused"):
        postgres.dump(dump)
    postgres.remove()

    assert dump.read_text() == "an earlier one"
