import itertools
import socket

import pytest
import requests

AS_JSON = {"X-Amz-Target": "SageMaker.ListModels", "Content-Type": "application/x-amz-json-1.1"}


@pytest.mark.parametrize("path", ["", "_local/faults"])
def test_a_body_in_chunks_ends_with_an_error_at_its_limit(local_aws, monkeypatch, path):
    monkeypatch.setattr("local_aws.server.MAX_PARAMETERS_BYTES", 65_536)
    chunks = itertools.chain([b'{"x": "'], itertools.repeat(b" " * 10_000, 7))
    headers = AS_JSON | {"Content-Type": "application/json"}

    answer = requests.post(f"{local_aws.url}/{path}", data=chunks, headers=headers, timeout=10)

    assert (answer.status_code, answer.json()) == (413, {"error": "the body has more than 65,536 bytes"})


def test_an_object_in_chunks_is_bounded_and_none_is_stored(local_aws, client, settings, monkeypatch):
    monkeypatch.setattr("local_aws.server.MAX_OBJECT_BYTES", 50_000)

    url = f"{local_aws.url}/{settings.bucket}/key"
    answer = requests.put(url, data=itertools.repeat(b" " * 10_000, 7), timeout=10)

    assert answer.status_code == 413, answer.text
    assert "Contents" not in client("s3").list_objects_v2(Bucket=settings.bucket)


@pytest.mark.parametrize("length", ["-5", "abc", "1_0", "²", "9" * 30])
@pytest.mark.parametrize("path", ["", "_local/faults"])
def test_a_length_that_is_none_is_refused_at_once(local_aws, length, path):
    host, _, port = local_aws.url.removeprefix("http://").partition(":")
    head = f"POST /{path} HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: SageMaker.ListModels\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(f"{head}Content-Length: {length}\r\n\r\n".encode("latin-1"))

        assert b" 400 " in connection.recv(65536).split(b"\r\n")[0]


@pytest.mark.parametrize("path", ["", "_local/faults"])
def test_what_is_no_chunk_is_refused(local_aws, path):
    headers = AS_JSON | {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}

    answer = requests.post(f"{local_aws.url}/{path}", data=b"no chunk\r\n", headers=headers, timeout=10)

    assert answer.status_code == 400
    assert "the body in chunks cannot be read" in answer.json()["error"]


@pytest.mark.parametrize("path", ["", "_local/faults", "bucket/key"])
def test_a_client_that_does_not_send_what_it_has_announced_is_let_go(local_aws, monkeypatch, path):
    monkeypatch.setattr("local_aws.http_server.STALLED_SECONDS", 0.2)
    host, _, port = local_aws.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(f"PUT /{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n".encode())

        assert b" 200 " not in connection.recv(65536)
