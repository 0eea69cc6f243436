import time
from datetime import UTC, datetime, timedelta
from email.utils import formatdate

from hashtag_retrain.clock import time_now


def test_it_is_the_servers_time_whatever_this_machines_clock_says(sagemaker, monkeypatch):
    def nine_hours_ahead(self, timestamp=None):
        return formatdate(time.time() + 9 * 3600, usegmt=True)

    monkeypatch.setattr("local_aws.http_server.RequestHandler.date_time_string", nine_hours_ahead)

    ahead = time_now(sagemaker) - datetime.now(UTC)

    assert timedelta(hours=8, minutes=59) < ahead <= timedelta(hours=9)
