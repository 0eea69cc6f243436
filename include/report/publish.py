"""Upload of the run's report to S3, as data and as a page."""

from typing import Any

from include.aws.storage import Storage
from include.config.names import Keys
from include.report.page import render


def publish(storage: Storage, keys: Keys, run_name: str, report: dict[str, Any]) -> str:
    """Write report.json and report.html to S3; return the page's URL for browsers."""
    folder = keys.run(run_name)
    storage.write_json(report, folder + "report.json")
    storage.write_page(render(report), folder + "report.html")
    return storage.browser_url(folder + "report.html")
