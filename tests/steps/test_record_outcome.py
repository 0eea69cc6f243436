import pytest

from include.config.errors import RunFailed
from include.report.failures import FAILURE, TOLD
from include.steps import record_outcome as module


@pytest.fixture
def notices(monkeypatch):
    sent = []
    monkeypatch.setattr(module, "notify", lambda subject, message: sent.append((subject, message)))
    return sent


@pytest.fixture
def registered(run):
    run.params["deploy"] = "never"
    run.prepare()
    run.train()
    run.evaluate()
    run.register()
    run.states["deploy_endpoint"] = "skipped"
    return run


def test_the_result_has_the_runs_figures_and_the_champion(registered, notices):
    result = registered.record()

    figures = registered.report["evaluation"]
    assert (result["status"], result["accuracy"]) == ("not deployed", figures["accuracy"])
    assert result["accuracy_interval"] == figures["accuracy_interval"]
    assert result["champion"]["date"] == registered.keys.date
    assert result["live"] is None
    assert result["report"].endswith(f"runs/{registered.name}/report.html")
    assert notices == []


def test_a_failed_task_fails_the_run_and_is_told_with_its_message(registered, notices):
    registered.states["deploy_endpoint"] = "failed"
    registered.xcoms["deploy_endpoint", FAILURE] = "no instance of ml.t2.medium"

    with pytest.raises(RunFailed, match=r"deploy_endpoint.*no instance of ml\.t2\.medium"):
        registered.record()

    ((subject, message),) = notices
    assert subject == f"#{registered.keys.hashtag} {registered.keys.date}: Failed at deploy_endpoint."
    assert "no instance of ml.t2.medium" in message
    assert f"Run: http://airflow/dags/retrain_{registered.keys.hashtag}/runs/manual__1" in message
    assert registered.xcoms["record_outcome", TOLD] == "2026-01-08T00:00:00+00:00"
    assert registered.report["status"] == "failed"


def test_a_run_without_tweets_has_no_figures_and_is_no_failure(run, notices):
    run.states["wait_for_tweets"] = "skipped"

    result = run.record()

    assert (result["status"], result["accuracy"], result["champion"]) == ("skipped", None, None)
    assert notices == []
