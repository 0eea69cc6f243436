import pytest

from tests.conftest import IMAGE, ROLE_ARN
from tests.local_aws.conftest import deploy, wait_for_endpoint

CONTAINER = {"Image": IMAGE, "ModelDataUrl": "s3://bucket/model.tar.gz"}


def test_models_configurations_and_endpoints_are_described_as_on_aws(sagemaker, model_uri):
    """With the members that requests need not have: clients that compare a resource with their own read them."""
    name = deploy(sagemaker, model_uri)
    wait_for_endpoint(sagemaker, name)
    model = sagemaker.describe_model(ModelName=name)
    assert model["EnableNetworkIsolation"] is False
    assert model["PrimaryContainer"]["Mode"] == "SingleModel"
    assert model["PrimaryContainer"]["Environment"] == {}
    sagemaker.create_endpoint_config(
        EndpointConfigName=f"{name}-lean",
        ProductionVariants=[
            {"VariantName": "v", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
        ],
    )
    (variant,) = sagemaker.describe_endpoint_config(EndpointConfigName=f"{name}-lean")["ProductionVariants"]
    assert variant["InitialVariantWeight"] == 1.0
    (variant,) = sagemaker.describe_endpoint(EndpointName=name)["ProductionVariants"]
    (image,) = variant["DeployedImages"]
    assert image["SpecifiedImage"] == image["ResolvedImage"] == model["PrimaryContainer"]["Image"]
    assert image["ResolutionTime"] >= model["CreationTime"]


@pytest.fixture
def name(settings):
    return f"Made-of-{settings.bucket}"


def test_a_model_is_described_with_its_container_in_the_member_that_it_came_in(sagemaker, name):
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE_ARN, Containers=[CONTAINER])

    model = sagemaker.describe_model(ModelName=name)

    assert model["Containers"] == [{"Mode": "SingleModel", "Environment": {}, **CONTAINER}]
    assert "PrimaryContainer" not in model


def test_what_a_request_says_is_not_replaced_by_what_holds_without_it(sagemaker, name):
    sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=ROLE_ARN,
        PrimaryContainer=CONTAINER | {"Environment": {"A": "1"}},
        EnableNetworkIsolation=True,
    )
    variant = {"VariantName": "v", "ModelName": name, "InitialInstanceCount": 2, "InstanceType": "ml.m5.large"}
    weighted = [variant | {"VariantName": f"v{weight}", "InitialVariantWeight": float(weight)} for weight in (0, 3)]
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[*weighted, variant])

    model = sagemaker.describe_model(ModelName=name)
    variants = sagemaker.describe_endpoint_config(EndpointConfigName=name)["ProductionVariants"]

    assert (model["PrimaryContainer"]["Environment"], model["EnableNetworkIsolation"]) == ({"A": "1"}, True)
    assert [one["InitialVariantWeight"] for one in variants] == [0.0, 3.0, 1.0]


def test_lists_have_names_arns_and_times_and_no_more(sagemaker, name):
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE_ARN, PrimaryContainer=CONTAINER)
    variant = {"VariantName": "v", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])

    (model,) = sagemaker.list_models(NameContains=name)["Models"]
    (config,) = sagemaker.list_endpoint_configs(NameContains=name)["EndpointConfigs"]

    start = "arn:aws:sagemaker:us-east-1:123456789012"
    assert set(model) == {"ModelName", "ModelArn", "CreationTime"}
    assert model["ModelArn"] == f"{start}:model/{name.lower()}"
    assert set(config) == {"EndpointConfigName", "EndpointConfigArn", "CreationTime"}
    assert config["EndpointConfigArn"] == f"{start}:endpoint-config/{name.lower()}"
