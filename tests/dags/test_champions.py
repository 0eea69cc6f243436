"""Runs whose model meets the champion, or becomes it and goes live."""

import jsonschema

from include.config.names import live_endpoint_name
from tests.aws.test_notify import remember, told
from tests.dags.runs import *  # noqa: F403 - fixtures
from tests.dags.runs import some_frequent_and_many_rare_words, tweets
from tests.report.test_document import SCHEMA


def test_a_champion_is_met_defended_and_dethroned_by_a_person(run_dag, upload, client):
    """
    The candidate, which knows frequent words only, is better than the majority, and worse than the champion. Then the
    champion meets tweets whose label ids are swapped.
    """
    rows = some_frequent_and_many_rare_words()
    for date in ("2026-01-06", "2026-01-07"):
        upload(rows, date)
    candidate = {"date": "2026-01-07", "min_count": 30, "word_ngrams": 1}

    first = run_dag("2026-01-06", deploy="never")
    refused = run_dag(**candidate)
    upload([("0" if label == "1" else "1", text) for label, text in rows], "2026-01-08")
    swapped = run_dag("2026-01-08", window_days=1)
    champion = first.report["registration"]
    client("sagemaker").update_model_package(
        ModelPackageArn=champion["model_package_arn"], ModelApprovalStatus="Rejected"
    )
    unopposed = run_dag(**candidate, deploy="never")

    assert champion["approval"] == "Approved"
    assert "There was no champion to compare with" in first.report["evaluation"]["champion"]["verdict"]
    assert (refused.state, refused.tasks["deploy_endpoint"]) == ("success", "skipped")
    assert set(refused.events) == {"prepared_dataset", "model_version", "report"}
    assert refused.events["report"][1]["champion"]["version"] == champion["version"]
    assert "it is significantly worse than the champion" in refused.report["outcome"]
    assert refused.report["evaluation"]["champion"]["version"] == champion["version"]
    assert refused.report["registration"]["approval"] == "Rejected"
    assert [entry["champion"] for entry in refused.report["history"]] == [True, False]
    assert (swapped.state, swapped.tasks["evaluate_model"], swapped.left) == ("failed", "failed", [])
    assert "The label ids look swapped" in swapped.report["outcome"]
    # Once a person has rejected the champion, the same model has none to be compared with.
    assert unopposed.report["evaluation"]["champion"]["comparison"] is None
    assert unopposed.report["registration"] == {**refused.report["registration"], "approval": "Approved"}


def test_the_approved_model_goes_live_and_a_rollback_is_told(live, run_dag, upload, order_fault, monkeypatch):
    """Older dates and refused models leave the live endpoint alone, and all the runs' own endpoints are deleted."""
    monkeypatch.setenv("RETRAIN_NOTIFIER", f"{remember.__module__}:{remember.__name__}")
    upload(tweets(), "2026-01-07", live)
    first = run_dag("2026-01-07", live)
    upload(tweets(), "2026-01-08", live)
    older = run_dag("2026-01-07", live, deploy="always", epochs=11)
    told.clear()
    order_fault(model="*-live-v3-*", error="500", message="out of memory", times=None)
    second = run_dag("2026-01-08", live)

    assert [run.state for run in (first, older, second)] == ["success"] * 3
    assert [run.left for run in (first, older, second)] == [[]] * 3
    assert first.report["promotion"] == {
        "endpoint_name": live_endpoint_name(live),
        "version": 1,
        "status": "created",
        "serving_version": 1,
        "previous_version": None,
        "reason": "",
    }
    jsonschema.validate(first.report, SCHEMA)
    assert "AWS bills it for\nas long as it stands." in first.page
    assert (older.tasks["smoke_test"], older.tasks["promote_model"], older.tasks["hold_endpoint"]) == (
        "success",
        "skipped",
        "success",
    )
    promotion = second.report["promotion"]
    assert (promotion["status"], promotion["serving_version"]) == ("rolled back", 1)
    assert "live-5xx: Threshold Crossed" in promotion["reason"]
    assert [subject for subject, _ in told] == [f"#{live} 2026-01-08: the live endpoint has rolled the new model back."]
    assert f"Version 3 was rolled back by {live_endpoint_name(live)}: " in told[0][1]
    assert f"{live_endpoint_name(live)} serves version 1 now." in told[0][1]
    again = run_dag("2026-01-08", live)
    assert again.report["registration"]["approval"] == "Rejected"
    assert "The live endpoint has rolled this model back" in again.report["outcome"]
