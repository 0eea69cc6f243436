import json
from typing import Any

import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Response

from local_aws.direct_answers import answer_directly
from local_aws.sagemaker.responses import SageMakerResponse

SCOPE = "Credential=test/20260107/us-east-1/sagemaker/aws4_request"
OF_ONE_ANSWER = {"x-amzn-requestid", "x-amz-request-id"}


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("ListModels", {"NameContains": "no-such-model"}),
        ("DescribeModel", {"ModelName": "no-such-model"}),
        ("DescribeModel", {}),
        ("NoSuchOperation", {}),
    ],
)
def test_they_are_those_of_motos_applications(local_aws, operation, parameters):
    directly = answer_directly(SageMakerResponse, environment(operation, parameters))
    by_moto = Response.from_app(DomainDispatcherApplication(create_backend_app), environment(operation, parameters))

    assert (directly.status_code, directly.get_data()) == (by_moto.status_code, by_moto.get_data())
    assert headers_of(directly).items() <= headers_of(by_moto).items()  # Flask adds those for web pages of other sites
    assert {name for name in headers_of(by_moto) if not name.startswith("access-control-")} == {*headers_of(directly)}


def environment(operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    authorization = f"AWS4-HMAC-SHA256 {SCOPE}, SignedHeaders=host, Signature=0"
    headers = {"Authorization": authorization, "X-Amz-Target": f"SageMaker.{operation}"}
    return EnvironBuilder(
        method="POST", headers=headers, content_type="application/x-amz-json-1.1", data=json.dumps(parameters)
    ).get_environ()


def headers_of(answer: Response) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items() if name.lower() not in OF_ONE_ANSWER}
