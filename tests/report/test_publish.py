from include.config.names import Keys
from include.report.publish import publish
from tests.report.reports import a_report


def test_a_report_is_there_as_data_and_as_a_page_that_a_browser_finds(storage):
    keys = Keys("twitter-data", "aws", "2026-01-07")

    url = publish(storage, keys, "run", a_report())

    assert storage.read_json(keys.run("run") + "report.json")["hashtag"] == "aws"
    assert url == storage.browser_url(keys.run("run") + "report.html")
    page = storage._client.get_object(Bucket=storage.bucket, Key=keys.run("run") + "report.html")
    assert page["ContentType"].startswith("text/html")
