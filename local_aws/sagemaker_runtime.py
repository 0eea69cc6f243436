"""SageMaker Runtime's operation InvokeEndpoint."""

import json
import time
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.sagemaker.models import sagemaker_backends
from werkzeug.wrappers import Request, Response

from local_aws.blazingtext.inference import ContainerError
from local_aws.sagemaker.exceptions import ValidationException
from local_aws.sagemaker.fleet import log_group
from local_aws.sagemaker.validation import check_request
from local_aws.service_models import RUNTIME, service_model

MAX_BODY_BYTES = 6_291_456
UNSUPPORTED = ("TargetModel", "TargetContainerHostname", "InferenceComponentName", "EnableExplanations", "SessionId")


def invoke_endpoint(name: str, region: str, request: Request) -> Response:
    """Answer with the prediction of the endpoint's model, or with an error of the runtime."""
    received = time.perf_counter()
    if (request.content_length or 0) > MAX_BODY_BYTES:
        return _too_large()
    body = request.get_data()
    if len(body) > MAX_BODY_BYTES:  # a body in chunks has no Content-Length
        return _too_large()
    try:
        parameters = _parameters(name, request)
        endpoint = sagemaker_backends[DEFAULT_ACCOUNT_ID][region].endpoints.get(name)
        if endpoint is None or endpoint.status == "Failed":
            raise ValidationException(f"Endpoint {name} of account {DEFAULT_ACCOUNT_ID} not found.")
        answer, content_type, variant = endpoint.invoke(
            parameters.get("TargetVariant"),
            body,
            parameters.get("ContentType", ""),
            parameters.get("Accept", ""),
            received,
        )
    except ValidationException as error:
        return _error(400, "ValidationError", str(error.message))
    except ContainerError as error:
        return _model_error(name, region, error)
    headers = {"x-Amzn-Invoked-Production-Variant": variant}
    if "CustomAttributes" in parameters:
        headers["X-Amzn-SageMaker-Custom-Attributes"] = parameters["CustomAttributes"]
    return Response(answer, content_type=content_type, headers=headers)


def _error(status: int, code: str, message: str, **details: object) -> Response:
    body = json.dumps({"Message": message, **details})
    return Response(body, status=status, content_type="application/json", headers={"x-amzn-ErrorType": code})


def _too_large() -> Response:
    # On AWS a proxy in front of the service refuses the request. Its error has no code, so botocore shows the status.
    body = json.dumps({"message": f"HTTP content length exceeded {MAX_BODY_BYTES} bytes."})
    return Response(body, status=413, content_type="application/json")


def _parameters(name: str, request: Request) -> dict[str, Any]:
    """
    The members of the request except its body.

    :raises ValidationException: a member violates the service model or is not supported
    """
    members = service_model(RUNTIME).operation_model("InvokeEndpoint").input_shape.members
    headers = {
        member: request.headers[shape.serialization["name"]]
        for member, shape in members.items()
        if shape.serialization.get("location") == "header" and shape.serialization["name"] in request.headers
    }
    parameters = {"EndpointName": name, **headers}
    check_request("InvokeEndpoint", parameters | {"Body": b""}, RUNTIME)
    if found := [member for member in UNSUPPORTED if member in parameters]:
        raise ValidationException(f"The local AWS does not support {', '.join(found)} of InvokeEndpoint.")
    return parameters


def _model_error(name: str, region: str, error: ContainerError) -> Response:
    group, side = log_group(name), "client" if 400 <= error.status < 500 else "server"
    return _error(
        424,
        "ModelError",
        f'Received {side} error ({error.status}) from model with message "{error}". See https://{region}.'
        f"console.aws.amazon.com/cloudwatch/home?region={region}#logEventViewer:group={group} in account "
        f"{DEFAULT_ACCOUNT_ID} for more information.",
        OriginalStatusCode=error.status,
        OriginalMessage=str(error),
        LogStreamArn=f"arn:aws:logs:{region}:{DEFAULT_ACCOUNT_ID}:log-group:{group}",
    )
