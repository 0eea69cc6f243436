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


def test_on_the_local_aws_the_sections_of_its_page_exist(local_aws):
    import requests

    console = Console(local_aws.url, "us-east-1")
    addresses = [console.training_job("x"), console.tuning_job("x"), console.endpoint("x"), console.model_registry()]

    page = requests.get(f"{local_aws.url}/_local/", timeout=5).text
    for address in addresses:
        place, _, section = address.partition("#")
        assert place == f"{local_aws.url}/_local/"
        assert f'id="{section}"' in page
