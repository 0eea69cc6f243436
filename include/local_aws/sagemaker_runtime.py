"""InvokeEndpoint."""

import json
import re
from urllib.parse import unquote

from moto.core import DEFAULT_ACCOUNT_ID
from moto.sagemaker.models import sagemaker_backends
from werkzeug.wrappers import Request, Response

from include.local_aws.blazingtext.inference import ContainerError

MAX_BODY_BYTES = 6_291_456
DEFAULT_REGION = "us-east-1"

_PATH = re.compile(r"/endpoints/([^/]+)/invocations")
_CREDENTIAL_REGION = re.compile(r"Credential=[^/]+/\d{8}/([^/]+)/")


def invoked_endpoint_name(path: str) -> str | None:
    """The endpoint's name, where `path` is InvokeEndpoint's."""
    match = _PATH.fullmatch(path)
    return unquote(match[1]) if match else None


def invoke_endpoint(name: str, request: Request) -> Response:
    """Answer from the endpoint's own model, or with the runtime's errors."""
    credential = _CREDENTIAL_REGION.search(request.headers.get("Authorization", ""))
    region = credential[1] if credential else DEFAULT_REGION
    endpoint = sagemaker_backends[DEFAULT_ACCOUNT_ID][region].endpoints.get(name)
    if endpoint is None or endpoint.predictor is None or endpoint.status == "Failed":
        return _error(400, "ValidationError", f"Endpoint {name} of account {DEFAULT_ACCOUNT_ID} not found.")
    body = request.get_data()
    if len(body) > MAX_BODY_BYTES:
        return _error(413, "ValidationError", f"The request's body exceeds {MAX_BODY_BYTES} bytes.")
    variant = endpoint.config.variants[0]["VariantName"]
    try:
        answer, content_type = endpoint.predictor.answer(body, request.headers.get("Content-Type", ""))
    except ContainerError as error:
        log_group = f"/aws/sagemaker/Endpoints/{name}"
        return _error(
            424, "ModelError",
            f'Received client error ({error.status}) from model with message "{error}". See https://{region}.'
            f"console.aws.amazon.com/cloudwatch/home?region={region}#logEventViewer:group={log_group} in account "
            f"{DEFAULT_ACCOUNT_ID} for more information.",
            OriginalStatusCode=error.status, OriginalMessage=str(error),
            LogStreamArn=f"arn:aws:logs:{region}:{DEFAULT_ACCOUNT_ID}:log-group:{log_group}",
        )  # fmt: skip
    headers = {"x-Amzn-Invoked-Production-Variant": variant}
    return Response(answer, content_type=content_type, headers=headers)


def _error(status: int, kind: str, message: str, **details: object) -> Response:
    body = json.dumps({"Message": message, **details})
    return Response(body, status=status, content_type="application/json", headers={"x-amzn-ErrorType": kind})
