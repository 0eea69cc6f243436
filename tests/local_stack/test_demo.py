"""What make up does with the outcome of its first run; the rest of it is in end_to_end/."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from local_stack import demo
from local_stack.errors import StackError
from local_stack.session import Session


class StackUntilCtrlC(SimpleNamespace):
    """A stack that is well, until somebody presses Ctrl-C."""

    checks = 0

    def check(self) -> None:
        self.checks += 1
        if self.checks == 3:
            raise KeyboardInterrupt


@pytest.fixture
def home(local_aws, tmp_path) -> Path:
    """Of a stack whose local AWS is that of the tests."""
    keys = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    Session.begin(tmp_path, {"AWS_ENDPOINT_URL": local_aws.url, **keys}, tmp_path / "postgres")
    return tmp_path


def until_ctrl_c(home: Path, bucket: str) -> StackUntilCtrlC:
    settings = SimpleNamespace(airflow_url="http://airflow", local_aws_url="http://aws", home=home, bucket=bucket)
    return StackUntilCtrlC(settings=settings)


def test_with_ones_own_hashtags_the_samples_do_not_run(home, monkeypatch):
    monkeypatch.setattr(demo, "run_pipeline", lambda *_: pytest.fail("the samples' run is not wanted"))
    monkeypatch.setattr(demo.time, "sleep", lambda _: None)

    with pytest.raises(KeyboardInterrupt):
        demo._keep_running(until_ctrl_c(home, "ones-own"), Console(quiet=True), shows_run=False)


@pytest.mark.parametrize("outcome", [True, False, StackError("Airflow does not run retrain_aws: 500")])
def test_everything_stays_up_whatever_becomes_of_the_first_run(monkeypatch, home, outcome):
    def run_pipeline(*_: object) -> bool:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(demo, "run_pipeline", run_pipeline)
    monkeypatch.setattr(demo.time, "sleep", lambda _: None)
    console = Console(record=True, width=200)
    stack = until_ctrl_c(home, "the-first-run")

    with pytest.raises(KeyboardInterrupt):
        demo._keep_running(stack, console)

    shown = console.export_text()
    assert "Everything runs until Ctrl-C." in shown
    if isinstance(outcome, Exception):
        assert "The first run cannot be shown: Airflow does not run retrain_aws: 500" in shown
