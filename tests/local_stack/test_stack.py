"""What a stack keeps for its next start, with nothing of it but the database."""

import sys
from dataclasses import replace

import pytest

from local_stack.errors import StackError
from local_stack.settings import StackSettings
from local_stack.stack import LocalStack


class Database(LocalStack):
    """Airflow's commands do nothing, and succeed or fail."""

    services, airflow_parts = ("postgres",), ()
    status = 0

    def airflow(self, *_: str) -> list[str]:
        return [sys.executable, "-c", f"raise SystemExit({self.status})"]

    def before_airflow(self) -> None:
        """There is no local AWS."""


class Failing(Database):
    status = 1


def run(stack: LocalStack, statement: str) -> list[tuple[str]]:
    with stack.postgres.connect() as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        rows: list[tuple[str]] = cursor.fetchall()
    return rows


@pytest.fixture(scope="module")
def stopped(tmp_path_factory) -> bytes:
    """The history that a stack has left."""
    home = tmp_path_factory.mktemp("home")
    settings = StackSettings.on_free_ports(home, history=home / "airflow.dump")
    with Database(settings) as stack:
        run(stack, "CREATE TABLE runs (id text); INSERT INTO runs VALUES ('a run') RETURNING id")
    return settings.history.read_bytes()


@pytest.fixture
def settings(tmp_path, stopped) -> StackSettings:
    """Of a stack that has been stopped."""
    (tmp_path / "airflow.dump").write_bytes(stopped)
    return StackSettings.on_free_ports(tmp_path, history=tmp_path / "airflow.dump")


def test_the_next_start_has_what_the_last_one_left(settings):
    with Database(settings) as stack:
        assert run(stack, "SELECT id FROM runs") == [("a run",)]


def test_a_start_that_fails_leaves_the_history_and_says_how_to_start_without(settings, stopped):
    with pytest.raises(StackError, match=r"db-migrate has ended(.|\n)*without the history.*, remove .*airflow\.dump"):
        Failing(settings).__enter__()

    assert settings.history.read_bytes() == stopped


def test_a_history_that_cannot_be_read_says_how_to_start_without(settings):
    settings.history.write_text("no dump")

    with pytest.raises(StackError, match=r"pg_restore failed(.|\n)*without the history.*, remove .*airflow\.dump"):
        Database(settings).__enter__()


def test_a_history_that_cannot_be_kept_is_told_beside_what_went_wrong(settings, stopped):
    with pytest.raises(StackError, match=r"a part has died\n.*is not kept"), Database(settings) as stack:
        stack.kill("postgres")
        raise StackError("a part has died")

    assert settings.history.read_bytes() == stopped
    assert not list(settings.home.glob("*.new"))


def test_there_is_a_bucket_for_tweets_before_airflow_starts(tmp_path, client):
    waited: list[str] = []

    class Services(Database):
        before_airflow = LocalStack.before_airflow

        def wait_until_ready(self, names=None) -> None:
            waited.extend(names)

        def client(self, service: str):
            return client(service)

    Services(replace(StackSettings.on_free_ports(tmp_path), bucket="before-airflow")).before_airflow()

    assert waited == ["local-aws"]
    assert client("s3").head_bucket(Bucket="before-airflow")
