import threading
import time

from local_aws.pace import AWS_SECONDS, Pace


def test_a_phase_lasts_its_share_of_awss_and_ends_early_where_it_is_stopped():
    started = time.monotonic()
    assert Pace(0.05 / AWS_SECONDS["Stopping"]).wait("Stopping") is False
    assert time.monotonic() - started >= 0.05

    stop = threading.Event()
    stop.set()
    assert Pace(1).wait("Creating", stop) is True
