import pytest

from include.config.names import Keys
from include.report.page import render
from include.report.publish import publish
from tests.report.reports import a_report


def test_a_report_is_there_as_data_and_as_a_page_that_a_browser_finds(storage):
    keys = Keys("twitter-data", "aws", "2026-01-07")

    url = publish(storage, keys, "run", a_report())

    assert storage.read_json(keys.run("run") + "report.json")["hashtag"] == "aws"
    assert url == storage.browser_url(keys.run("run") + "report.html")
    page = storage._client.get_object(Bucket=storage.bucket, Key=keys.run("run") + "report.html")
    assert page["ContentType"].startswith("text/html")


def test_the_second_report_of_a_run_shows_the_charts_of_the_first_and_draws_those_whose_figures_have_changed(storage):
    keys, report = Keys("twitter-data", "aws", "2026-01-07"), a_report()
    publish(storage, keys, "charts", report)
    key = keys.run("charts") + "charts.json"
    stored = storage.read_json(key)
    stored["drawn"]["reliability"]["svg"] = "<svg>drawn before</svg>"
    storage.write_json(stored, key)

    publish(storage, keys, "charts", report)
    assert "drawn before" in page_of(storage, keys, "charts")

    report["evaluation"]["reliability"][0]["tweets"] += 1
    publish(storage, keys, "charts", report)
    assert "drawn before" not in page_of(storage, keys, "charts")
    assert storage.read_json(key)["drawn"]["reliability"]["figures"] == report["evaluation"]["reliability"]


@pytest.mark.parametrize("content", [b"no JSON", b"[]", b"{}", b'{"version": "0"}'])
def test_charts_that_are_none_of_this_version_are_drawn(storage, content):
    keys = Keys("twitter-data", "aws", "2026-01-07")
    storage.write_bytes(content, keys.run("strange") + "charts.json")

    publish(storage, keys, "strange", a_report())

    assert page_of(storage, keys, "strange") == render(a_report())


def page_of(storage, keys, run_name):
    page = storage._client.get_object(Bucket=storage.bucket, Key=keys.run(run_name) + "report.html")
    return page["Body"].read().decode()
