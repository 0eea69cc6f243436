from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashtag_retrain.page.rendering import duration, web_address

START = datetime(2026, 1, 7, tzinfo=UTC)


@given(st.text() | st.text().map("http://{}".format) | st.text().map("javascript:{}".format))
def test_an_address_is_one_of_the_web_or_none(text):
    address = web_address(text)

    assert address in (text, None)
    assert address is None or urlsplit(address).scheme in ("http", "https")


@pytest.mark.parametrize("address", ["https://airflow.example/dags", "http://127.0.0.1:4566/_local/x?y=z#a"])
def test_an_address_of_the_web_stays(address):
    assert web_address(address) == address


@pytest.mark.parametrize(
    "text", [None, "", "javascript:alert(1)", "//evil.example", "data:text/html,x", "http://[", "x"]
)
def test_nothing_else_becomes_a_link(text):
    assert web_address(text) is None


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (timedelta(0), "0 min"),
        (timedelta(seconds=89), "1 min"),
        (timedelta(minutes=130), "2 h 10 min"),
        (timedelta(hours=24), "1 d 0 h"),
        (timedelta(days=3, hours=4, minutes=10), "3 d 4 h"),
        (timedelta(minutes=-5), "0 min"),
    ],
)
def test_a_time_is_said_in_the_units_that_matter(time, words):
    assert duration(START, START + time) == words
