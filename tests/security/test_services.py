"""The local AWS calls nobody: what could make it call out is refused."""

import http.client
import http.server
import threading

import boto3
import pytest
import requests
from botocore.exceptions import ClientError


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("lambda", "list_functions", {}),
        ("firehose", "list_delivery_streams", {}),
        ("kinesis", "list_streams", {}),
        ("dynamodb", "list_tables", {}),
        ("ec2", "describe_instances", {}),
        ("events", "list_rules", {}),
        ("batch", "describe_job_queues", {}),
        ("ecr", "describe_repositories", {}),
    ],
)
def test_a_service_that_is_not_named_in_the_readme_is_refused_by_name(local_aws, service, operation, parameters):
    client = boto3.client(service, endpoint_url=local_aws.url, region_name="us-east-1")

    with pytest.raises(ClientError, match=f"The local AWS does not support {service.partition('-')[0]}") as error:
        getattr(client, operation)(**parameters)

    assert error.value.response["Error"]["Code"] == "NotImplemented"


def test_a_topic_has_no_subscribers_so_that_nothing_is_sent(local_aws, client):
    calls = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            calls.append(self.path)

    with http.server.HTTPServer(("127.0.0.1", 0), Listener) as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        sns = client("sns")
        topic = sns.create_topic(Name="security")["TopicArn"]
        with pytest.raises(ClientError, match="delivers no messages"):
            sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=f"http://127.0.0.1:{listener.server_port}/")
        sns.publish(TopicArn=topic, Message="x")
        listener.shutdown()

    assert calls == []


def signed_for(service: str) -> dict[str, str]:
    scope = f"Credential=x/20260101/us-east-1/{service}/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=x"}


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Amz-Target": "AWSCognitoIdentityProviderService.ListUserPools"},
        signed_for("execute-api"),
        signed_for("moto_api"),
        signed_for("lambda"),
        signed_for("dynamodb"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/latest/meta-data/iam/security-credentials/", "/2015-03-31/functions/f/x"])
def test_no_other_way_leads_to_another_service(local_aws, headers, path):
    answer = requests.post(f"{local_aws.url}{path}", headers=headers, data="{}", timeout=5)

    assert answer.status_code in {400, 403, 404, 405, 501}
    assert "AccessKeyId" not in answer.text


@pytest.mark.parametrize(
    ("headers", "length"),
    [
        ({"X-Amz-Target": "SageMaker.ListModels"}, 17 * 2**20),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 17 * 2**20),
        ({}, 5 * 2**30 + 1),
    ],
)
def test_a_body_beyond_awss_limits_is_refused_before_it_is_read(local_aws, headers, length):
    connection = http.client.HTTPConnection(local_aws.url.removeprefix("http://"), timeout=10)
    connection.putrequest("PUT", "/bucket/key")
    for name, value in {**headers, "Content-Length": str(length)}.items():
        connection.putheader(name, value)
    connection.endheaders()

    assert connection.getresponse().status == 413
