import time

import pytest

from include.aws.console import Console


@pytest.mark.parametrize(
    ("endpoint", "region", "start"),
    [
        ("https://s3.eu-west-1.amazonaws.com", "eu-west-1", "https://console.aws.amazon.com/sagemaker/home"),
        ("https://s3.cn-north-1.amazonaws.com.cn", "cn-north-1", "https://console.amazonaws.cn/sagemaker/home"),
        ("https://api.sagemaker.us-east-1.api.aws", "us-east-1", "https://console.aws.amazon.com/sagemaker/home"),
        (
            "https://s3.eusc-de-east-1.amazonaws.eu",
            "eusc-de-east-1",
            "https://console.amazonaws-eusc.eu/sagemaker/home",
        ),
        (
            "https://s3.us-gov-west-1.amazonaws.com",
            "us-gov-west-1",
            "https://console.amazonaws-us-gov.com/sagemaker/home",
        ),
    ],
)
def test_on_aws_each_partition_has_its_console(endpoint, region, start):
    console = Console(endpoint, region)

    assert console.training_job("job-1") == f"{start}?region={region}#/jobs/job-1"
    assert console.tuning_job("tune-1") == f"{start}?region={region}#/hyper-tuning-jobs/tune-1"
    assert console.endpoint("retrain-aws-1") == f"{start}?region={region}#/endpoints/retrain-aws-1"
    assert console.model_registry() == f"{start}?region={region}#/studio-landing"
    home = start.removesuffix("/sagemaker/home")
    assert (
        console.s3_folder("b", "twitter-data/a b") == f"{home}/s3/buckets/b?region={region}&prefix=twitter-data/a%20b/"
    )
    assert console.log("/aws/sagemaker/TrainingJobs", "job-1/") == (
        f"{home}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/$252Faws$252Fsagemaker$252FTrainingJobs"
        "$3FlogStreamNameFilter$3Djob-1$252F"
    )


def test_on_the_local_aws_the_sections_of_its_page_exist(local_aws):
    import requests

    console = Console(local_aws.url, "us-east-1")
    addresses = [console.training_job("x"), console.tuning_job("x"), console.endpoint("x"), console.model_registry()]
    addresses.append(console.s3_folder("b", "x"))

    page = requests.get(f"{local_aws.url}/_local/", timeout=5).text
    for address in addresses:
        place, _, section = address.partition("#")
        assert place == f"{local_aws.url}/_local/"
        assert f'id="{section}"' in page


def test_on_the_local_aws_the_log_is_a_page_of_text(local_aws, client):
    import requests

    logs = client("logs")
    logs.create_log_group(logGroupName="/aws/group")
    logs.create_log_stream(logGroupName="/aws/group", logStreamName="job-1/a")
    event = {"timestamp": int(time.time() * 1000), "message": "a line"}
    logs.put_log_events(logGroupName="/aws/group", logStreamName="job-1/a", logEvents=[event])

    assert "a line" in requests.get(Console(local_aws.url, "us-east-1").log("/aws/group", "job-1/"), timeout=5).text
