import json
import time

import pytest
from botocore.exceptions import ClientError

from local_aws.control import main
from tests.local_aws.conftest import error_of


@pytest.fixture
def control(local_aws, capsys, order_fault):
    """The command; its exit status and what it printed. What it orders is withdrawn with `order_fault`'s."""

    def run(*arguments):
        status = main(["--url", local_aws.url, *arguments])
        return status, capsys.readouterr()

    return run


def test_the_command_orders_lists_and_withdraws(control, once):
    status, printed = control("fail", "ListModels", "--error", "ThrottlingException", "--times", "2")
    fault = json.loads(printed.out)
    assert (status, fault["operation"], fault["times"]) == (0, "ListModels", 2)
    assert error_of(once("sagemaker").list_models)[0] == "ThrottlingException"
    control("fail-phase", "Training", "--name", "aws-*", "--forever", "--probability", "0.5", "--seed", "1")
    listed = [json.loads(line) for line in control("faults")[1].out.splitlines()]
    assert [entry.get("phase") for entry in listed] == [None, "Training"]
    assert listed[0]["hits"] == 1

    assert control("clear", str(fault["id"]))[1].out == "1 withdrawn\n"
    once("sagemaker").list_models()
    assert control("clear")[1].out == "1 withdrawn\n"
    assert control("clear", str(fault["id"]))[0] == 1
    assert control("faults")[1].err == "no faults are ordered\n"


def test_the_command_prints_the_request_log(control, once):
    with pytest.raises(ClientError):
        once("sagemaker").describe_endpoint(EndpointName="never-made")

    status, printed = control("requests", "--name", "never-made", "--limit", "1")

    entry = json.loads(printed.out)
    assert status == 0
    assert (
        entry.items()
        >= {
            "service": "sagemaker",
            "operation": "DescribeEndpoint",
            "principal": "test",
            "region": "us-east-1",
            "name": "never-made",
            "outcome": "ValidationException",
            "status": 400,
        }.items()
    )
    assert time.time() - time.mktime(time.strptime(entry["time"][:19], "%Y-%m-%dT%H:%M:%S")) < 86_400


def test_the_command_says_what_is_wrong(control, capsys):
    status, printed = control("fail", "ListModels")
    assert (status, printed.out) == (1, "")
    assert "needs an error" in printed.err
    assert main(["--url", "http://127.0.0.1:9", "faults"]) == 1
    assert "no local AWS answers at http://127.0.0.1:9" in capsys.readouterr().err
    assert main(["--url", "nonsense", "faults"]) == 1
    assert "nonsense is not a URL; a URL starts with http://" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["fail-phase", "Thinking"])
    assert "Training" in capsys.readouterr().err


def test_the_command_lets_models_fail(control):
    status, printed = control("fail-model", "aws-*", "--error", "500", "--delay", "0.5", "--forever")

    fault = json.loads(printed.out)
    assert (status, fault["model"], fault["error"], fault["delay_seconds"]) == (0, "aws-*", "500", 0.5)
    (listed,) = [json.loads(line) for line in control("faults")[1].out.splitlines()]
    assert "operation" not in listed
    assert control("fail-model", "m", "--error", "Sick")[0] == 1
