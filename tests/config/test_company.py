import botocore.session
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from include.config import ownership
from include.config.company import MAX_TAGS, NO_RULES, CompanyRules, KmsKeys, has_local_storage, load_rules
from include.config.errors import ConfigurationError
from local_aws.sagemaker.request_checks import WITH_LOCAL_STORAGE
from local_aws.sagemaker.validation import violations
from local_aws.service_models import service_model
from tests.conftest import REPOSITORY

KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER_REGION = KEY.replace("us-east-1", "eu-west-1")


@pytest.fixture
def load(tmp_path):
    def load(text: str) -> CompanyRules:
        path = tmp_path / "company.yaml"
        path.write_text(text, encoding="utf-8")
        return load_rules(path)

    return load


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "company.yaml: expected rules, such as network_isolation: true"),
        ("a: [", "not valid YAML"),
        ("subnet: []", r"line 1, subnet: unknown key \(did you mean subnets\?\); expected one of: subnets, sec"),
        (
            "\nkms_keys:\n  volum: x",
            r"line 3, kms_keys.volum: unknown key \(did you mean volume\?\); expected one of: vol",
        ),
        ("kms_keys: x", "line 1, kms_keys: expected a mapping, for example kms_keys: {s3"),
        (
            "kms_keys: {s3: alias/tweets}",
            "kms_keys.s3: 'alias/tweets' is not the ARN of a KMS key, such as arn:aws:kms",
        ),
        ("kms_keys: {s3: 5}", "kms_keys.s3: YAML reads this as a number"),
        (f"kms_keys: {{s3: '{KEY}', volume: '{OTHER_REGION}'}}", "keys are of different regions .eu-west-1, us-east-1"),
        ("subnets: [subnet-1]", "line 1, subnets: AWS takes subnets only with security_group_ids; add them"),
        ("security_group_ids: [sg-1]", "security_group_ids: AWS takes security groups only with subnets; add them"),
        ("subnets: [10.0.0.0/8]", r"subnets.0: '10.0.0.0/8' is not an id such as subnet-0abc1234"),
        (f"subnets: [{', '.join(f'subnet-{number:020}' for number in range(17))}]", "at most 16 items"),
        ("spot_training: true", "spot_training: expected a mapping, for example spot_training: {max_wait_minutes: 60}"),
        ("spot_training: {}", "spot_training.max_wait_minutes: is missing; write for example max_wait_minutes: 60"),
        ("spot_training: {max_wait_minutes: 61}", "max_wait_minutes: 61 must be at most 60"),
        ("spot_training: {max_wait_minutes: 30}", r"30 is less than max_runtime_minutes \(60\)"),
        ("tags: {'aws:x': y}", "tags.aws:x: keys that begin with aws: or retrain: are taken"),
        ("tags: {'Retrain:owner': y}", "tags.Retrain:owner: keys that begin with aws: or retrain: are taken"),
        ("tags: {a: 'b?'}", "tags.a: AWS takes values of at most 256"),
        ("tags: {a: 1}", 'tags.a: YAML reads this as a number, 1; put the text in quotes: "1"'),
        ("tags: {a: b}\ntags: {a: c}", "line 2, tags: is defined twice"),
        (f"tags: {{{', '.join(f'k{number}: v' for number in range(42))}}}", "42 are too many: .* AWS takes 41 at most"),
        ("instance_types: [m5.large]", "instance_types.0: 'm5.large' is not an instance type of SageMaker"),
        ("instance_types: []", "instance_types: .* at least 1 item"),
        (
            f"kms_keys: {{volume: '{KEY}', endpoint: '{KEY}'}}\ninstance_types: [ml.c5.xlarge, ml.g5.xlarge]",
            "line 2, instance_types.1: ml.g5.xlarge has local storage, .* AWS refuses the company's kms_keys.volume",
        ),
        ("network_isolation: 'yes'", "network_isolation: 'yes' is text; .* boolean, without quotes"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_key(load, text, message):
    with pytest.raises(ConfigurationError, match=message) as error:
        load(text)

    assert all(len(line) < 500 for line in str(error.value).splitlines())


def test_every_mistake_is_named_at_once(load):
    with pytest.raises(ConfigurationError) as error:
        load("subnet: [a]\nkms_keys: {s3: x}\ntags: {'aws:a': b}")

    assert [line.split(": ")[0].rpartition(", ")[2] for line in str(error.value).splitlines()] == [
        "kms_keys.s3",
        "tags.aws:a",
        "subnet",
    ]


def test_without_a_file_there_are_no_rules_and_a_named_file_must_be_there(tmp_path):
    assert CompanyRules.from_environment({}) == NO_RULES
    with pytest.raises(ConfigurationError, match=r"RETRAIN_COMPANY_RULES='.*none\.yaml': No such file"):
        CompanyRules.from_environment({"RETRAIN_COMPANY_RULES": str(tmp_path / "none.yaml")})


def test_the_rules_of_docs_are_ones(load):
    page = (REPOSITORY / "docs" / "company-rules.md").read_text()

    rules = load(page.split("```yaml\n")[1].split("```")[0])

    assert rules.model_fields_set == set(CompanyRules.model_fields)
    assert rules.kms_region == "eu-west-1"


def test_rules_survive_the_way_to_a_trigger(load):
    """As JSON, without what has its default."""
    rules = load(f"kms_keys: {{s3: '{KEY}'}}\nspot_training: {{max_wait_minutes: 60}}\ntags: {{a: b}}")

    assert CompanyRules(**rules.model_dump(exclude_defaults=True)) == rules
    assert CompanyRules(**NO_RULES.model_dump(exclude_defaults=True)) == NO_RULES


names = st.sampled_from([*CompanyRules.model_fields, *KmsKeys.model_fields, "max_wait_minutes", "aws:a"]) | st.text(
    max_size=9
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.just(KEY),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=50)
@example({"[key]": None})  # pydantic's own word for a key
@example({"kms_keys": {"[key]": "x"}})
@given(st.dictionaries(names, values, max_size=4))
def test_whatever_people_write_is_rules_or_an_error_with_file_and_line(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any-company.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    try:
        rules = load_rules(path)
    except ConfigurationError as error:
        assert all(line.startswith(str(path)) and len(line) < 500 for line in str(error).split("\n"))
    else:
        assert list(rules.contradictions()) == []


@given(st.text(max_size=140), st.text(max_size=270))
def test_tags_that_the_rules_take_are_tags_that_sagemaker_takes(key, value):
    tag = {"Key": key, "Value": value}
    try:
        CompanyRules(tags={key: value})
    except ValueError:
        return

    assert violations(service_model().shape_for("Tag"), tag) == []


@pytest.mark.parametrize("shape", ["TrainingInstanceType", "ProductionVariantInstanceType"])
def test_the_types_with_local_storage_are_known(shape):
    types = botocore.session.get_session().get_service_model("sagemaker").shape_for(shape).enum

    assert {name for name in types if has_local_storage(name)} == {
        name for name in types if name.split(".")[1] in WITH_LOCAL_STORAGE
    }


def test_no_more_tags_are_this_products_own_than_are_kept_free():
    own = {value for value in vars(ownership).values() if isinstance(value, str) and value.startswith("retrain:")}

    assert len(own - {ownership.PREFIX}) == ownership.MAX_TAGS == 50 - MAX_TAGS
