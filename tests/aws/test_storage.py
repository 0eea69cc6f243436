from types import SimpleNamespace

import pytest
import requests

from include.aws.storage import Storage
from include.config.errors import DataError


def test_a_page_is_shown_where_its_address_says(storage):
    storage.write_page("<p>Überblick</p>", "a report/50%.html")

    response = requests.get(storage.browser_url("a report/50%.html"), timeout=5)

    assert response.content.decode() == "<p>Überblick</p>"
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("endpoint", "region", "url"),
    [
        (
            "https://s3.eu-west-1.amazonaws.com",
            "eu-west-1",
            "https://console.aws.amazon.com/s3/object/b?region=eu-west-1&prefix=x/a%20b.html",
        ),
        (
            "https://s3.cn-north-1.amazonaws.com.cn",
            "cn-north-1",
            "https://console.amazonaws.cn/s3/object/b?region=cn-north-1&prefix=x/a%20b.html",
        ),
        (
            "https://s3.us-gov-west-1.amazonaws.com",
            "us-gov-west-1",
            "https://console.amazonaws-us-gov.com/s3/object/b?region=us-gov-west-1&prefix=x/a%20b.html",
        ),
        ("http://127.0.0.1:4566", "us-east-1", "http://127.0.0.1:4566/_local/objects/b/x/a%20b.html"),
    ],
)
def test_on_aws_the_address_is_the_consoles_which_asks_for_a_login(endpoint, region, url):
    client = SimpleNamespace(meta=SimpleNamespace(endpoint_url=endpoint, region_name=region))

    assert Storage(client, "b").browser_url("x/a b.html") == url


def test_a_local_aws_may_have_another_address_for_browsers(monkeypatch):
    monkeypatch.setenv("RETRAIN_BROWSER_ENDPOINT_URL", "http://127.0.0.1:4566")
    client = SimpleNamespace(meta=SimpleNamespace(endpoint_url="http://local-aws:4566", region_name="us-east-1"))

    assert Storage(client, "b").browser_url("x") == "http://127.0.0.1:4566/_local/objects/b/x"


def test_what_is_not_there_is_an_error_that_names_it(storage, tmp_path):
    for read in (lambda: storage.read_json("none.json"), lambda: storage.download("none.json", tmp_path / "x")):
        with pytest.raises(DataError, match=r"s3://bucket-.*none\.json does not exist"):
            read()


def test_a_throttled_client_tries_again_by_itself(storage, order_fault):
    storage.write_json({"a": 1}, "x.json")
    order_fault(operation="s3:GetObject", error="SlowDown", times=3)

    assert Storage.connect(storage.bucket).read_json("x.json") == {"a": 1}
