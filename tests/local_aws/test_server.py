import pytest
import requests


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


def test_the_admin_api_is_not_there_under_somebody_elses_name(local_aws):
    def status(host):
        return requests.get(f"{local_aws.url}/_local/state", headers={"Host": host}, timeout=5).status_code

    assert [status(host) for host in ("evil.example", "127.0.0.1:80", "localhost", "local-aws:4566")] == [
        403,
        200,
        200,
        200,
    ]
    assert requests.post(f"{local_aws.url}/moto-api/reset", timeout=5).status_code == 403
