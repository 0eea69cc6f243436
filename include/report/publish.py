"""Upload of the run's report to S3, as data and as a page."""

from contextlib import suppress
from typing import Any

from include import __version__
from include.aws.storage import Storage
from include.config.errors import MissingObject
from include.config.names import Keys
from include.report.page import Drawn, draw, render


def publish(storage: Storage, keys: Keys, run_name: str, report: dict[str, Any]) -> str:
    """
    Write report.json and report.html to S3; return the page's URL for browsers.

    A run writes its report twice, after the evaluation and at the end. charts.json keeps what was drawn.
    """
    folder = keys.run(run_name)
    storage.write_json(report, folder + "report.json")
    storage.write_page(render(report, _draw_once(storage, folder + "charts.json", report)), folder + "report.html")
    return storage.browser_url(folder + "report.html")


def _draw_once(storage: Storage, key: str, report: dict[str, Any]) -> Drawn:
    earlier: Drawn = {}
    with suppress(MissingObject, ValueError, LookupError, TypeError):  # the rest: what somebody else has left there
        stored = storage.read_json(key)
        earlier = stored["drawn"] if stored["version"] == __version__ else {}
    drawn = draw(report, earlier)
    if drawn != earlier:
        storage.write_json({"version": __version__, "drawn": drawn}, key)
    return drawn
