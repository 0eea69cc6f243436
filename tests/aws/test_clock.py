import re
import time
from datetime import UTC, datetime, timedelta
from email.utils import formatdate

from include.aws.clock import time_now
from tests.conftest import REPOSITORY


def test_it_is_the_servers_time_whatever_this_machines_clock_says(sagemaker, monkeypatch):
    def nine_hours_ahead(self, timestamp=None):
        return formatdate(time.time() + 9 * 3600, usegmt=True)

    monkeypatch.setattr("local_aws.http_server.RequestHandler.date_time_string", nine_hours_ahead)

    ahead = time_now(sagemaker) - datetime.now(UTC)

    assert timedelta(hours=8, minutes=59) < ahead <= timedelta(hours=9)


OWN_CLOCK = re.compile(r"datetime\.now\(|\.utcnow\(|\btime\.time\(|date\.today\(")
ALLOWED = {
    "include/config/hashtags.py": "whether a schedule ever comes",
    "plugins/hashtag_retrain/deadlines.py": "in the scheduler, and only for a run without a time",
    "plugins/hashtag_retrain/lineage.py": "in the event's own time, which OpenLineage compares with nothing",
    "plugins/hashtag_retrain/page/records.py": "in the API server, to show",
    "plugins/hashtag_retrain/page/rendering.py": "in the API server, to show",
    "plugins/hashtag_retrain/run_ids.py": "in the API server, of which Airflow takes the time of a triggered run too",
    "plugins/hashtag_retrain/sensors/tweets.py": "only for a run without a start",
}


def test_nothing_else_asks_the_clock_of_its_machine():
    files = [path for folder in ("include", "plugins", "dags") for path in (REPOSITORY / folder).rglob("*.py")]

    found = {str(path.relative_to(REPOSITORY)) for path in files if OWN_CLOCK.search(path.read_text())}

    assert found == set(ALLOWED)
