import pytest
import requests

from local_aws.server import is_allowed_host


def test_health_answers_when_ready(local_aws):
    assert requests.get(f"{local_aws.url}/_local/health", timeout=5).json() == {"status": "ready"}


def test_it_listens_on_this_machine_only(local_aws):
    assert local_aws.url.startswith("http://127.0.0.1:")


def test_one_url_serves_every_service(client, settings):
    assert client("sts").get_caller_identity()["Account"] == "123456789012"
    assert client("iam").list_roles()["Roles"] is not None
    assert settings.bucket in {bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]}
    assert client("logs").describe_log_groups()["logGroups"] is not None


@pytest.mark.parametrize("path", ["", "_local/state", "_local/faults"])
def test_pages_of_other_sites_are_not_answered(local_aws, path):
    foreign = requests.get(f"{local_aws.url}/{path}", headers={"Origin": "http://evil.example"}, timeout=5)
    preflight = requests.options(f"{local_aws.url}/{path}", headers={"Origin": "http://evil.example"}, timeout=5)

    assert (foreign.status_code, preflight.status_code) == (403, 403)
    assert "Access-Control-Allow-Origin" not in foreign.headers
    own = {"Origin": local_aws.url}
    assert requests.get(f"{local_aws.url}/_local/state", headers=own, timeout=5).ok


OTHER_HOSTS = ["evil.example", "localhost.evil.example", "evillocalhost", "127.0.0.1.evil.example:4566"]
OTHER_HOSTS += ["127.0.0.1@evil.example", "192.168.1.5:4566", "local-aws:4566", "[::1", ""]
OWN_HOSTS = ["127.0.0.1", "127.0.0.1:80", "LocalHost:4566", "[::1]:4566", "bucket.localhost:4566", "localhost."]


@pytest.mark.parametrize("host", OWN_HOSTS + OTHER_HOSTS)
@pytest.mark.parametrize("path", ["_local/state", "_local/health", "bucket/key", "endpoints/e/invocations"])
def test_only_requests_to_the_loopback_interface_are_answered(local_aws, host, path):
    """A web page whose name resolves to 127.0.0.1 sends its own name as Host."""
    answer = requests.get(f"{local_aws.url}/{path}", headers={"Host": host}, timeout=5)

    refused = answer.status_code == 403 and "does not answer to the host" in answer.text
    assert refused is (host in OTHER_HOSTS)


def test_hosts_that_are_named_are_answered():
    assert is_allowed_host("local-aws:4566", ["Local-AWS"])
    assert is_allowed_host("bucket.local-aws", ["local-aws"])
    assert not is_allowed_host("aws:4566", ["local-aws"])


def test_motos_own_api_is_not_there(local_aws):
    assert requests.post(f"{local_aws.url}/moto-api/reset", timeout=5).status_code == 403


def test_tools_for_localstack_find_what_runs(local_aws):
    health = requests.get(f"{local_aws.url}/_localstack/health", timeout=5).json()

    assert health["services"]["s3"] == health["services"]["sagemaker"] == "running"
