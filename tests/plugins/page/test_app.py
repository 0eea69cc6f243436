"""The page through Airflow's API server, with its login, on Airflow's database."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.engine import Engine

from hashtag_retrain.page.hashtags import DATES_OF_OVERVIEW, PENDING
from include.report.failures import FAILURE
from include.results import CURRENT_DEADLINE, LISTED, Deployed
from include.steps.reporting import REPORT_URL
from tests.plugins.page.rows import SWEEP, dates_from, model_extra, report_extra

NOW = datetime.now(UTC)
TODAY, YESTERDAY = f"{NOW:%Y-%m-%d}", f"{NOW - timedelta(days=1):%Y-%m-%d}"
ENDPOINT = "retrain-page-a-0123"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@pytest.fixture
def page(as_user):
    """The text of a page, for a user who may read everything; whitespace is one blank."""

    def get(path: str = "", status: int = 200) -> str:
        answer = as_user().get(f"/hashtags/{path}")
        assert answer.status_code == status, answer.text
        return " ".join(answer.text.split())

    return get


def test_the_last_run_and_its_outcome(rows, page):
    rows.add_dag("page_a")
    rows.add_dates(["page_a"], dates_from("2026-01-01", 7))

    html = page()

    assert '<span class="status">Deployed</span> <a href="../dags/retrain_page_a/runs/scheduled__2026-01-07"' in html
    assert "Deployed: accuracy 85.0%, majority 60.0%." in html
    assert 'href="https://aws.example/2026-01-07/report.html"' in html
    assert "Champion: <a" in html
    assert "Accuracy of 7 dates, the newest 2026-01-07: 85.0%" in html


def test_a_failed_run_has_its_failure_and_its_report(rows, page):
    rows.add_dag("page_a")
    rows.add_dates(["page_a"], ["2026-01-01"])
    run = rows.add_run("page_a", "2026-01-02", state="failed")
    rows.add_xcom("page_a", run, "record_outcome", FAILURE, "The run failed at smoke_test: too slow")
    rows.add_xcom("page_a", run, "record_outcome", REPORT_URL, "https://aws.example/failed.html")

    html = page()

    assert '<span class="status">Failed</span>' in html
    assert "The run failed at smoke_test: too slow" in html
    assert 'href="https://aws.example/failed.html"' in html
    assert "Deployed: accuracy" not in html


def test_a_run_that_does_not_exist_is_not_taken_for_no_run_at_all(rows, page):
    rows.add_dag("page_a")
    rows.add_dates(["page_a"], ["2026-01-01"])

    html = page("retrain_page_a?run_id=%3Cscript%3Egone")

    assert "No run has the id <code>&lt;script&gt;gone</code>. It may have been deleted." in html
    assert "No run yet." not in html


def test_the_newest_evaluation_of_a_date_counts(rows, page):
    rows.add_dag("page_a")
    rows.add_dates(["page_a"], ["2026-01-01"])
    for hour, accuracy in ((9, 0.77), (8, 0.66)):
        at = datetime(2026, 1, 9, hour, tzinfo=UTC)
        rows.add_event("page_a", "model_version", "2026-01-01", model_extra("2026-01-01", 2, accuracy), timestamp=at)

    assert re.findall(r"<td class=\"number\">([\d.]+%)</td><td", page("retrain_page_a")) == ["77.0%"]


def test_after_a_backfill_of_old_dates_the_newest_dates_are_still_there(rows, page):
    rows.add_dag("page_a")
    newest = dates_from("2026-02-01", DATES_OF_OVERVIEW)
    rows.add_dates(["page_a"], newest)
    for number, date in enumerate(dates_from("2025-01-01", 2 * DATES_OF_OVERVIEW)):
        start = datetime(2026, 6, 1, tzinfo=UTC) + timedelta(hours=number)
        rows.add_dates(["page_a"], [date], run_id=f"backfill__{date}", run_type="backfill", start_date=start)

    html = page()

    assert f"Accuracy of {DATES_OF_OVERVIEW} dates, the newest {newest[-1]}" in html
    assert f">{newest[0]}</text>" in html


def test_a_run_about_an_old_date_shows_among_the_newest_events(rows, page):
    """Somebody has triggered it; its logical date is the time of that, or there is none."""
    rows.add_dag("page_a")
    rows.add_dates(
        ["page_a"], ["2020-01-01"], logical_date=None, run_id="manual__x", start_date=NOW - timedelta(hours=1)
    )

    assert ">2020-01-01</text>" in page()


def test_what_somebody_posts_to_airflow_does_not_count(rows, page):
    rows.add_dag("page_a")
    rows.add_dates(["page_a"], ["2026-01-01"])
    forged = model_extra("2026-01-02", 99, 1.0)
    rows.add_event("page_a", "model_version", "2026-01-02", forged, source_dag_id=None, source_run_id=None)
    rows.add_event("page_a", "model_version", "2026-01-03", forged, source_dag_id="another")

    assert "Accuracy of 1 dates" in page()


def test_events_of_another_version_of_the_dag_are_left_out(rows, page):
    rows.add_dag("page_a")
    rows.add_dates(["page_a"], ["2026-01-01"])
    for date, extra in (
        ("2026-01-02", {}),
        ("2026-01-03", {"version": "x"}),
        ("2026-01-04", ["a"]),
        ("2026-01-05", None),
    ):
        rows.add_event("page_a", "model_version", date, extra)
        rows.add_event("page_a", "report", date, extra)

    assert "Accuracy of 1 dates, the newest 2026-01-01" in page()


def test_an_endpoint_with_its_deadline_and_its_cost(rows, page):
    rows.add_dag("page_a")
    now = datetime.now(UTC)  # minutes after NOW, when the tests before this one have run
    add_endpoint(rows, created=now - timedelta(hours=2, minutes=10), deadline=now + timedelta(hours=1, seconds=20))

    for html in (page(), page("retrain_page_a")):
        assert ENDPOINT in html
        assert "in service." in html
        assert "in 1 h 0 min." in html
        assert "So far 2 h 10 min of ml.m5.large." in html


def test_a_deadline_that_a_person_has_moved(rows, page):
    rows.add_dag("page_a")
    run = add_endpoint(rows, created=NOW, deadline=NOW + timedelta(hours=1))
    moved = datetime.now(UTC) + timedelta(hours=5, seconds=20)
    rows.add_xcom("page_a", run, "hold_endpoint", CURRENT_DEADLINE, moved.isoformat())

    assert f"Deadline {moved:%Y-%m-%d %H:%M} UTC, in 5 h 0 min." in page()


@pytest.mark.parametrize(
    ("deploy", "delete", "words"),
    [
        ("running", None, "being created"),
        ("deferred", None, "being created"),
        ("failed", None, "its creation failed"),
        ("success", "deferred", "being deleted"),
        ("success", "failed", "its deletion failed"),
        ("success", "success", "not deleted by its run"),
        ("skipped", None, None),
        (None, None, None),
    ],
)
def test_which_endpoints_exist(rows, page, deploy, delete, words):
    rows.add_dag("page_a")
    run = rows.add_run("page_a", YESTERDAY, state="running")
    rows.add_task("page_a", run, "deploy_endpoint", deploy)
    rows.add_task("page_a", run, "delete_endpoint", delete)

    found = re.findall(r"\(<a [^>]*>run</a>\): (.+?)\.", page())

    assert found == ([words] if words else [])


@pytest.mark.parametrize("state", ["running", "success", "failed"])
def test_an_endpoint_is_gone_when_delete_endpoint_says_so_not_when_somebody_marks_it(rows, page, state):
    rows.add_dag("page_a")
    run = add_endpoint(rows, NOW - timedelta(hours=1), NOW + timedelta(hours=1), state, delete="success")
    assert ENDPOINT in page()
    assert "not deleted by its run" in page()

    rows.add_xcom("page_a", run, "delete_endpoint", "return_value", {})

    assert ENDPOINT not in page()


def test_a_deadline_that_no_time_in_utc_can_be_breaks_nothing(rows, page):
    rows.add_dag("page_a")
    run = add_endpoint(rows, created=NOW, deadline=NOW + timedelta(hours=1))
    rows.add_xcom("page_a", run, "hold_endpoint", CURRENT_DEADLINE, "9999-12-31T23:59:59-05:00")

    assert ENDPOINT in page()


def test_an_endpoint_whose_deletion_failed_is_gone_after_the_next_sweep(rows, page):
    rows.add_dag("page_a")
    add_endpoint(rows, created=NOW - timedelta(hours=2), deadline=NOW - timedelta(hours=1), state="failed")
    assert "Its deadline has passed" in page()
    sweep(rows, NOW - timedelta(minutes=90))
    sweep(rows, NOW - timedelta(minutes=20), state="failed")
    sweep(rows, NOW - timedelta(minutes=10), run_type="manual")
    assert ENDPOINT in page()

    sweep(rows, NOW - timedelta(minutes=5))

    assert ENDPOINT not in page()


def test_an_endpoint_is_shown_even_if_its_hashtag_has_been_removed(rows, page):
    rows.add_dag("page_a", is_stale=True)
    rows.add_dag("page_b", is_stale=True)
    add_endpoint(rows, created=NOW, deadline=NOW + timedelta(hours=1))

    html = page()

    assert "#page_a" in html
    assert "#page_b" not in html


def test_versions_that_wait_for_approval(rows, page):
    rows.add_dag("page_a")
    rows.add_dates(["page_a"], ["2026-01-01"])
    for version, date in enumerate(("2026-01-02", "2026-01-03", "2026-01-04"), start=2):
        rows.add_event("page_a", "model_version", date, model_extra(date, version, approval=PENDING))
    rows.add_event("page_a", "report", "2026-01-04", report_extra("2026-01-02", version=2))

    html = page()

    assert ">Version 4</a> (tweets of 2026-01-04, accuracy 90.0%) waits for an approval" in html
    # The champion, version 2, does not wait.
    assert 'Other versions since the champion that wait: <a href="retrain_page_a">1</a>' in html
    assert ">Version 3</a>" in page("retrain_page_a")
    assert "shows when a later run finds another champion" in html


def test_a_version_that_a_run_without_a_report_has_approved_is_the_champion(rows, page):
    rows.add_dag("page_a")
    rows.add_dates(["page_a"], ["2026-01-01"])
    rows.add_event("page_a", "model_version", "2026-01-02", model_extra("2026-01-02", 2, approval=PENDING))
    rows.add_event("page_a", "model_version", "2026-01-03", model_extra("2026-01-03", 3, 0.93))

    html = page()

    assert ">version 3</a>, tweets of 2026-01-03: 93.0%" in html
    assert "waits for an approval" not in html


def test_a_version_that_a_person_has_rejected_since_is_not_the_champion(rows, page):
    rows.add_dag("page_a")
    rows.add_dates(["page_a"], ["2026-01-01", "2026-01-02"])
    rows.add_event("page_a", "report", "2026-01-03", report_extra("2026-01-01", version=1))

    assert ">version 1</a>, tweets of 2026-01-01" in page()


@pytest.mark.parametrize("dates", [1, 3])
def test_the_majority_baseline_is_a_line_also_where_there_is_one_date(rows, page, dates):
    rows.add_dag("page_a")
    rows.add_dates(["page_a"], dates_from("2026-01-01", dates))

    drawn = re.findall(r'<path class="majority" d="M[\d. ]+([HL][^"]*)"', page("retrain_page_a"))

    assert len(drawn) == 2  # of the chart, and of its key
    assert "majority baseline 60.0%" in page()


def test_required_actions(rows, page):
    rows.add_dag("page_a")
    run = rows.add_run("page_a", YESTERDAY, state="running")
    rows.add_question(rows.add_task("page_a", run, "hold_endpoint", "deferred"), "Keep it?")
    rows.add_question(rows.add_task("page_a", run, "answered", "deferred"), "Answered?", responded_at=NOW)
    rows.add_question(rows.add_task("page_a", run, "ended", "success"), "Ended?")

    html = page()

    assert (
        f'href="../dags/retrain_page_a/runs/{run}/tasks/hold_endpoint/required_actions" target="_top">Keep it?' in html
    )
    assert "Answered?" not in html
    assert "Ended?" not in html


def test_the_page_of_a_run(rows, page):
    rows.add_dag("page_a")
    rows.add_dates(["page_a"], dates_from("2026-01-01", 3))

    html = page("retrain_page_a?run_id=scheduled__2026-01-02")

    assert ">This run</a> of 2026-01-03 00:00 UTC" in html
    assert '<tr class="chosen"> <td>2026-01-02' in html
    assert "Deployed: accuracy 85.7%, majority 60.0%." in html


def test_hostile_texts_are_escaped(rows, page):
    rows.add_dag("page_a", owners=HOSTILE)
    run = rows.add_run("page_a", TODAY, start_date=NOW - timedelta(minutes=1), run_id=HOSTILE)
    shared = {"source_run_id": HOSTILE, "timestamp": NOW - timedelta(seconds=30)}
    links: dict[str, Any] = {"report_url": "javascript:alert(1)", "registry_url": "data:text/html,x"}
    rows.add_event("page_a", "model_version", HOSTILE, model_extra(HOSTILE, 3, approval=PENDING, **links), **shared)
    told = report_extra(HOSTILE, version=None, outcome=HOSTILE, status=HOSTILE, report_url="javascript:alert(1)")
    rows.add_event("page_a", "report", HOSTILE, told, **shared)
    rows.add_question(rows.add_task("page_a", run, "hold_endpoint", "deferred"), HOSTILE)

    for html in (page(), page("retrain_page_a"), page("retrain_page_a?run_id=" + HOSTILE.replace("#", "%23"))):
        assert "&lt;script&gt;" in html
        assert "<img" not in html
        assert "<script>alert" not in html
        assert not re.search(r'href="(?!https?://|\.\./dags/|\./|retrain_)', html)
    assert "<img" not in page(HOSTILE.replace("/", ""), status=404)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40))
def test_no_text_adds_an_element(rows, page, text):
    rows.remove()
    rows.add_dag("page_a", owners="calm")
    calm = _elements(page("retrain_page_a"))
    rows.remove()
    rows.add_dag("page_a", owners=text)

    assert _elements(page("retrain_page_a")) == calm


def _elements(html: str) -> list[str]:
    return re.findall(r"<[a-z!/][^ >]*", html.partition("<body>")[2])


def test_the_policy_allows_only_the_script_of_the_page(rows, as_user):
    answer = as_user().get("/hashtags/")

    (nonce,) = re.findall(r'<script nonce="([^"]+)"', answer.text)
    assert f"script-src 'nonce-{nonce}'" in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["", "retrain_page_a", "retrain_page_a?run_id=x", "openapi.json", "docs"])
def test_without_a_login_there_is_nothing(rows, as_user, path):
    rows.add_dag("page_a")

    answer = as_user(is_logged_in=False).get(f"/hashtags/{path}")

    assert answer.status_code == 401 if "." not in path and path != "docs" else answer.status_code in {401, 404}
    assert "page_a" not in answer.text


def test_without_the_right_there_is_nothing(rows, as_user):
    rows.add_dag("page_a")
    client = as_user(role=None)

    assert client.get("/hashtags/").status_code == 403
    assert client.get("/hashtags/retrain_page_a").status_code == 403


def test_each_user_sees_the_hashtags_whose_dags_they_may_read(rows, as_user, may_read):
    for hashtag in ("page_a", "page_b"):
        rows.add_dag(hashtag)
        rows.add_dates([hashtag], ["2026-01-01"])
    may_read("retrain_page_b")
    client = as_user()

    overview = client.get("/hashtags/")

    assert overview.status_code == 200
    assert "#page_b" in overview.text
    assert "page_a" not in overview.text
    assert client.get("/hashtags/retrain_page_b").status_code == 200
    refused = client.get("/hashtags/retrain_page_a")
    assert refused.status_code == 403
    assert client.get("/hashtags/retrain_page_a?dag_id=retrain_page_b").status_code == 403
    assert client.get("/hashtags/~").status_code == 404


def test_without_hashtags(as_user, may_read, page):
    may_read("sweep_endpoints")

    assert "There is no hashtag whose DAG you may read." in page()


def test_another_dag_is_no_hashtag(page):
    assert "sweep_endpoints is not the DAG of a hashtag." in page("sweep_endpoints", status=404)


def test_the_number_of_queries_does_not_depend_on_the_number_of_hashtags(rows, page):
    """And no query reads all rows of a table, of which Airflow's are long."""
    counts = []
    for number in range(3):
        rows.add_dag(f"page_{number}")
        rows.add_dates([f"page_{number}"], dates_from("2026-01-01", DATES_OF_OVERVIEW + 5))
        statements: list[tuple[str, Any]] = []
        event.listen(Engine, "before_cursor_execute", note := lambda *a, found=statements: found.append(a[2:4]))
        page()
        event.remove(Engine, "before_cursor_execute", note)
        counts.append(len(statements))

    assert counts[0] == counts[2] <= 14
    plans = [
        line
        for statement, values in statements
        if statement.lstrip().startswith("SELECT")
        for *_, line in rows.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
    ]
    long = "asset_event|dag_run|task_instance|xcom|hitl_detail"
    assert [line for line in plans if re.match(rf"SCAN ({long})", line)] == []
    assert any("idx_asset_id_timestamp" in line for line in plans)


def test_airflow_knows_the_page(as_user):
    plugins = as_user("ADMIN").get("/api/v2/plugins").json()["plugins"]
    (plugin,) = [found for found in plugins if found["name"] == "hashtag_retrain"]

    assert {(view["destination"], view["href"]) for view in plugin["external_views"]} == {
        ("nav", "hashtags/"),
        ("dag", "hashtags/{DAG_ID}"),
        ("dag_run", "hashtags/{DAG_ID}?run_id={RUN_ID}"),
    }


def add_endpoint(
    rows: Any, created: datetime, deadline: datetime, state: str = "running", delete: str | None = None
) -> str:
    """The endpoint of a run of page_a, as deploy_endpoint leaves it. Return the run's id."""
    ended = None if state == "running" else NOW
    run: str = rows.add_run("page_a", YESTERDAY, state=state, start_date=created, end_date=ended)
    rows.add_task("page_a", run, "deploy_endpoint", "success", start_date=created)
    rows.add_task("page_a", run, "delete_endpoint", delete or ("failed" if ended else None))
    result = Deployed(ENDPOINT, created.isoformat(), deadline.isoformat())
    rows.add_xcom("page_a", run, "deploy_endpoint", "return_value", result.to_xcom())
    extra = {
        "date": YESTERDAY,
        "endpoint_name": result.endpoint_name,
        "instance_type": "ml.m5.large",
        "created_at": result.created_at,
        "deadline": result.deadline,
        "endpoint_url": "https://aws.example/endpoint",
        "version": 3,
    }
    rows.add_event(
        "page_a", "endpoint", YESTERDAY, extra, source_run_id=run, timestamp=max(created, NOW - timedelta(hours=1))
    )
    return run


def sweep(rows: Any, at: datetime, **columns: Any) -> str:
    """A scheduled run of the clean-up DAG that has succeeded. Return its id."""
    names = {
        "dag_id": SWEEP,
        "run_id": f"scheduled__{at.isoformat()}",
        "logical_date": at,
        "start_date": at,
    }
    run: str = rows.add_run("page_a", TODAY, **{**names, "run_after": at, **columns})
    return run


@pytest.mark.parametrize(("status", "rolled_back"), [("updated", False), ("rolled back", True)])
def test_what_the_live_endpoint_serves(rows, page, status, rolled_back):
    rows.add_dag("page_a")
    live = {"endpoint_name": "retrain-page-a-live", "serving_version": 7, "status": status}
    rows.add_dates(["page_a"], ["2026-01-01"])
    rows.add_event("page_a", "report", "2026-01-02", report_extra("2026-01-02", live=live))

    html = page()

    assert "Live endpoint at 2026-01-03 00:10 UTC: retrain-page-a-live served version 7" in html
    assert ("after a rollback" in html) == rolled_back


def listed(rows: Any, *hashtags: str, at: datetime, **members: Any) -> None:
    """What the clean-up DAG has seen of live endpoints."""
    run = sweep(rows, at)
    seen = {"status": "InService", "version": "7", "instance_type": "ml.m5.large", "instances": 2, **members}
    hours = {"created_at": at.isoformat(), "age_hours": 480.0, "hours_this_month": 96.5}
    value = [{"name": f"retrain-{name}-live", "hashtag": name, **seen, **hours} for name in hashtags]
    rows.add_xcom("page_a", run, "list_live_endpoints", LISTED, value, dag_id=SWEEP)


@pytest.mark.parametrize(("status", "rolled_back"), [("updated", False), ("rolled back", True)])
def test_a_live_endpoint_is_shown_as_the_newest_clean_up_has_seen_it(rows, page, status, rolled_back):
    rows.add_dag("page_a")
    live = {"endpoint_name": "retrain-page_a-live", "serving_version": 7, "status": status}
    rows.add_event(
        "page_a", "report", YESTERDAY, report_extra(YESTERDAY, live=live), timestamp=NOW - timedelta(hours=1)
    )
    listed(rows, "other", "page_a", at=NOW - timedelta(minutes=5))

    words = page()

    assert "retrain-page_a-live (InService) served version 7" in words
    assert "AWS bills 2 x ml.m5.large, this month 96.5 instance hours so far, until somebody turns it off." in words
    assert ("after a rollback" in words) == rolled_back


def test_a_live_endpoint_that_was_turned_off_is_shown_no_more(rows, page):
    rows.add_dag("page_a")
    live = {"endpoint_name": "retrain-page_a-live", "serving_version": 7, "status": "updated"}
    rows.add_event(
        "page_a", "report", YESTERDAY, report_extra(YESTERDAY, live=live), timestamp=NOW - timedelta(hours=1)
    )
    listed(rows, at=NOW - timedelta(minutes=5))

    assert "Live endpoint" not in page()


def test_a_report_newer_than_the_clean_up_says_what_is_live(rows, page):
    rows.add_dag("page_a")
    listed(rows, "page_a", at=NOW - timedelta(minutes=10))
    live = {"endpoint_name": "retrain-page_a-live", "serving_version": 8, "status": "updated"}
    rows.add_event("page_a", "report", YESTERDAY, report_extra(YESTERDAY, live=live), timestamp=NOW)

    assert "served version 8. AWS bills it until" in page()


def test_a_live_endpoint_of_a_hashtag_without_a_dag_is_shown(rows, page):
    rows.add_dag("page_a", is_stale=True)
    assert "retrain_page_a" not in page()

    listed(rows, "page_a", at=NOW - timedelta(minutes=5))

    assert "retrain-page_a-live" in page()
