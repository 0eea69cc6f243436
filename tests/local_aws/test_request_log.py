"""The log's file: what is read of it, and how large it becomes."""

import json

import pytest

from local_aws import request_log
from local_aws.calls import Call
from local_aws.request_log import RequestLog


@pytest.fixture
def file(tmp_path):
    return tmp_path / "requests.jsonl"


def call(operation, name=""):
    return Call("s3", operation, "x", "us-east-1", name)


def operations(log):
    return [entry["operation"] for entry in log.entries({})]


def test_a_cut_line_at_the_end_of_the_file_does_not_keep_the_log_from_being_read(tmp_path):
    file = tmp_path / "requests.jsonl"
    file.write_bytes(b'{"operation": "A"}\n{"operat')

    assert [entry["operation"] for entry in RequestLog(file).entries({})] == ["A"]


def test_the_file_keeps_the_newest_calls_and_does_not_grow_without_end(file, monkeypatch):
    monkeypatch.setattr(request_log, "MAX_FILE_BYTES", 10_000)
    log = RequestLog(file)
    for number in range(500):
        log.write(call(f"Call{number}"), "ok", 200, 0.0)
        assert file.stat().st_size < 10_500
    assert operations(log) == [f"Call{number}" for number in range(500)]
    log.close()

    again = RequestLog(file)

    kept = operations(again)
    assert 20 < len(kept) < 100
    assert kept == [f"Call{number}" for number in range(500 - len(kept), 500)]
    again.close()


def test_of_a_file_that_is_too_long_only_the_end_is_read(file, monkeypatch):
    monkeypatch.setattr(request_log, "MAX_FILE_BYTES", 10_000)
    file.write_text("".join(f"{json.dumps({'operation': f'Call{number}'})}\n" for number in range(5000)))

    log = RequestLog(file)

    assert operations(log)[-1] == "Call4999"
    assert file.stat().st_size <= 5_000
    log.close()


def test_an_entry_has_a_length_that_is_bounded(file):
    log = RequestLog(file)
    log.write(call("PutObject", "x" * 1_000_000), "ok", 200, 0.0)

    assert file.stat().st_size < 2_000
    log.close()
