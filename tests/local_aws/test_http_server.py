"""Connections stay open from one request to the next, whatever a request was."""

import http.client
import json
import socket
import time
from pathlib import Path

import pytest
import requests
from werkzeug.wrappers import Response

from local_aws.faults import CONNECTION_RESET
from tests.local_aws.server_process import end_through_another_thread, running_command

SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/s3/aws4_request, Signature=x"}
SAGEMAKER = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/sagemaker/aws4_request, Signature=x",
    "X-Amz-Target": "SageMaker.ListModels",
}


@pytest.fixture
def connection(local_aws):
    connection = http.client.HTTPConnection(local_aws.url.removeprefix("http://"), timeout=10)
    yield connection
    connection.close()


def ask(connection, method, path, body=None, headers=()):
    connection.request(method, path, body, dict(headers))
    answer = connection.getresponse()
    return answer.status, answer.read()


def is_open(connection):
    """Whether the next request goes through the same connection."""
    before = connection.sock
    assert ask(connection, "GET", "/_local/health") == (200, b'{\n "status": "ready"\n}')
    return before is not None and connection.sock is before


def chunks():
    yield b"x" * 1000
    yield b"y"


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        ("POST", "/", b"{}", SAGEMAKER, 200),
        ("POST", "/", b"not JSON", SAGEMAKER, 400),
        ("POST", "/", b"{}", {**SAGEMAKER, "X-Amz-Target": "SageMaker.CreateCluster"}, 400),
        ("POST", "/endpoints/none/invocations", b"{}", {}, 400),
        ("HEAD", "/no-such-bucket/key", None, SIGNED, 404),
        ("GET", "/no-such-bucket/key", None, SIGNED, 404),
        ("PUT", "/no-such-bucket/key", b"x" * 1000, SIGNED, 404),
        ("PUT", "/_local/nothing", b"x" * 1000, {}, 404),
        ("POST", "/_local/faults", b"x" * 1000, {}, 415),
        ("POST", "/", b"x" * 100_000, {"Host": "evil.example"}, 403),
        ("DELETE", "/_local/faults", None, {}, 200),
        ("HEAD", "/_local/health", None, {}, 200),
    ],
)
def test_a_connection_stays_open_after_any_request(connection, method, path, body, headers, status):
    assert ask(connection, method, path, body, headers)[0] == status

    assert is_open(connection)


def test_a_connection_stays_open_after_objects_were_written_and_read(connection, client, settings):
    path = f"/{settings.bucket}/key"

    assert ask(connection, "PUT", path, b"x" * 100_000, SIGNED)[0] == 200
    assert is_open(connection)
    assert ask(connection, "PUT", path, chunks(), SIGNED)[0] == 200
    assert is_open(connection)
    assert ask(connection, "GET", path, None, SIGNED) == (200, b"x" * 1000 + b"y")
    assert ask(connection, "HEAD", path, None, SIGNED) == (200, b"")
    assert ask(connection, "GET", path, None, {**SIGNED, "Range": "bytes=999-1000"}) == (206, b"xy")
    etag = client("s3").head_object(Bucket=settings.bucket, Key="key")["ETag"]
    assert ask(connection, "GET", path, None, {**SIGNED, "If-None-Match": etag}) == (304, b"")
    assert ask(connection, "DELETE", path, None, SIGNED) == (204, b"")
    assert is_open(connection)


@pytest.mark.parametrize("size", [7 * 2**20, 40 * 2**20])
def test_a_client_that_sends_too_much_reads_the_refusal_and_then_the_next_answer(connection, size):
    assert ask(connection, "POST", "/endpoints/none/invocations", b"x" * size)[0] == 413
    is_open(connection)
    assert ask(connection, "GET", "/_local/health")[0] == 200


def test_a_body_in_chunks_that_nobody_read_is_not_taken_for_a_request(connection):
    assert ask(connection, "POST", "/", chunks(), {"Host": "evil.example"})[0] == 403

    is_open(connection)


@pytest.mark.parametrize("length", ["abc", "-1", "1e3"])
def test_a_length_that_is_none_is_refused_and_the_connection_closed(local_aws, length):
    answer = talk(
        local_aws, f"PUT /b/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\nGET / HTTP/1.1\r\n"
    )

    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1") == 1


def test_chunks_that_are_none_are_refused_and_the_connection_closed(local_aws):
    answer = talk(
        local_aws,
        "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: SageMaker.ListModels\r\n"
        "Transfer-Encoding: chunked\r\n\r\nnone\r\n",
    )

    assert answer.startswith(b"HTTP/1.1 400")
    assert b"Connection: close" in answer


def test_requests_may_be_sent_before_the_first_is_answered(local_aws):
    request = "GET /_local/health HTTP/1.1\r\nHost: localhost\r\n"

    answer = talk(local_aws, f"{request}\r\n{request}Connection: close\r\n\r\n")

    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert answer.count(b"Connection: keep-alive") == answer.count(b"Connection: close") == 1


def test_a_client_of_http_1_0_is_answered_and_left(local_aws):
    answer = talk(local_aws, "GET /_local/health HTTP/1.0\r\nHost: localhost\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"Connection: close" in answer


def test_a_client_that_asks_first_is_told_once_to_go_on(local_aws):
    answer = talk(
        local_aws,
        "POST /endpoints/none/invocations HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
        "Connection: close\r\nContent-Length: 2\r\n\r\n{}",
    )

    assert answer.count(b"100 Continue") == 1
    assert b"HTTP/1.1 400" in answer


def talk(local_aws, text):
    """Send bytes, and give what comes back until the server closes the connection."""
    host, _, port = local_aws.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(text.encode())
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_fault_cuts_a_connection_that_had_answered_before(connection, order_fault):
    assert ask(connection, "POST", "/", b"{}", SAGEMAKER)[0] == 200
    order_fault(operation="ListModels", error=CONNECTION_RESET)

    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        ask(connection, "POST", "/", b"{}", SAGEMAKER)
    connection.close()
    assert ask(connection, "POST", "/", json.dumps({"MaxResults": 1}), SAGEMAKER)[0] == 200


def test_a_client_that_leaves_before_its_answer_disturbs_nobody(local_aws, connection, capfd):
    host, _, port = local_aws.url.removeprefix("http://").partition(":")
    for _ in range(20):
        with socket.create_connection((host, int(port))) as left:
            left.sendall(b"PUT /_local/nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nhalf")
    assert ask(connection, "GET", "/_local/health")[0] == 200
    assert "Traceback" not in capfd.readouterr().err


def test_a_server_that_ends_closes_the_connections_that_are_open():
    """In a process of its own: there can be one local AWS in a process."""
    with running_command() as (process, url):
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
        assert ask(connection, "GET", "/_local/health")[0] == 200
        assert end_through_another_thread(process) == 0
    assert connection.sock.recv(1) == b""


def test_a_connection_costs_no_file_after_its_client_has_left(local_aws):
    def files():
        return len(list(Path("/proc/self/fd").iterdir()))

    before = files()
    for _ in range(30):
        connection = http.client.HTTPConnection(local_aws.url.removeprefix("http://"), timeout=10)
        ask(connection, "GET", "/_local/health")
        connection.close()
    deadline = time.monotonic() + 10
    while files() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert files() <= before


def test_a_connection_too_many_is_closed_at_once(local_aws, connection, monkeypatch):
    assert is_open(connection) is False  # the first request makes the connection
    monkeypatch.setattr("local_aws.http_server.MAX_CONNECTIONS", 1)
    host, _, port = local_aws.url.removeprefix("http://").partition(":")

    with socket.create_connection((host, int(port)), timeout=10) as another:
        assert another.recv(1) == b""

    assert is_open(connection)


def test_a_header_that_http_cannot_write_does_not_cost_the_answer(local_aws, monkeypatch):
    monkeypatch.setattr(local_aws, "application", Response("content", headers={"X-Words": "the price in €"}))

    answer = requests.get(local_aws.url, timeout=10)

    assert (answer.text, answer.headers["X-Words"]) == ("content", "the price in ?")


@pytest.mark.parametrize("origin", ["http://[", "null", "https://example.com", ""])
def test_a_page_of_another_site_is_not_answered(connection, origin):
    assert ask(connection, "GET", "/_local/health", headers={"Origin": origin})[0] == 403
