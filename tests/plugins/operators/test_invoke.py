import time
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from hashtag_retrain.operators.invoke import MAX_BODY_BYTES, SageMakerInvokeEndpointOperator
from local_aws.blazingtext.inference import Predictor
from tests.plugins.attempts import CONTEXT


def invoke_operator(name: str, **arguments: Any) -> SageMakerInvokeEndpointOperator:
    payload = {"instances": ["hello world"]}
    return SageMakerInvokeEndpointOperator(task_id="invoke", endpoint_name=name, **{"payload": payload, **arguments})


def test_an_endpoint_is_asked_and_its_answer_checked(deployed):
    seen = []

    def check(answer: bytes, expected: str) -> str:
        seen.append((answer, expected))
        return "checked"

    assert "__label__a" in invoke_operator(deployed).execute(CONTEXT)
    checked = invoke_operator(deployed, response_check=check, response_check_arguments={"expected": "x"})
    assert checked.execute(CONTEXT) == "checked"
    assert b"__label__a" in seen[0][0]


def test_an_answer_slower_than_its_limit_fails(deployed, monkeypatch):
    predict = Predictor._predict

    def slow(*arguments: Any) -> Any:
        time.sleep(0.3)
        return predict(*arguments)

    monkeypatch.setattr(Predictor, "_predict", slow)

    with pytest.raises(AirflowException, match=r"to answer; the limit is 0\.2 s"):
        invoke_operator(deployed, max_latency_seconds=0.2).execute(CONTEXT)


def test_a_payload_that_sagemaker_would_refuse_is_not_sent(deployed):
    with pytest.raises(AirflowFailException, match="SageMaker takes 6,291,456 at most"):
        invoke_operator(deployed, payload="x" * (MAX_BODY_BYTES + 1)).execute(CONTEXT)
