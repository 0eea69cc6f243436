import pytest

from local_aws.sagemaker.validation import violations
from local_aws.service_models import service_model


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, "Value null at 'modelName' failed to satisfy constraint: Member must not be null"),
        ({"ModelName": "-x"}, "Value '-x' at 'modelName' failed to satisfy constraint: Member must satisfy regular"),
        ({"ModelName": "x", "Tags": [{"Key": "a"}]}, "Value null at 'tags.1.member.value' failed to satisfy"),
        ({"ModelName": "x", "EnableNetworkIsolation": "yes"}, "at 'enableNetworkIsolation'"),
        (
            {"ModelName": "x", "Containers": [{}] * 16},
            "at 'containers' failed to satisfy constraint: Member must have length less than or equal to 15",
        ),
        (
            {"ModelName": "x", "PrimaryContainer": {"Mode": "Both"}},
            "Value 'Both' at 'primaryContainer.mode' failed to satisfy constraint: Member must satisfy enum value set: "
            "[SingleModel, MultiModel]",
        ),
    ],
)
def test_violations_are_worded_as_awss(value, expected):
    found = violations(service_model().operation_model("CreateModel").input_shape, value)

    assert any(expected in violation for violation in found), found
