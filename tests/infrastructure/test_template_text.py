"""The policies' way into the template's text."""

import json
import re

import pytest
import yaml

from infrastructure.policies import POLICIES, policy_names
from infrastructure.template_text import TEMPLATE, with_policies

MAX_TEMPLATE_BYTES = 51_200
"""Of a template that is not read from S3, as with `aws cloudformation deploy` without a bucket."""
PLACE = " " * 8 + "# policies/airflow.json\n"


def policies_in(template: str) -> dict[str, str]:
    """JSON of each policy in a template, in which the placeholders are texts again."""
    places = re.findall(r"# policies/(\w+)\.json.*\n((?: {8}.*\n)*)", template)
    return {name: json.dumps(_without_functions(yaml.safe_load(text))) for name, text in places}


def _without_functions(value):
    if isinstance(value, dict):
        if set(value) == {"Fn::Sub"}:
            return value["Fn::Sub"].replace("${BucketName}", "${Bucket}")
        return {key: _without_functions(entry) for key, entry in value.items()}
    return [_without_functions(entry) for entry in value] if isinstance(value, list) else value


def test_the_template_has_the_policies_of_the_files():
    text = TEMPLATE.read_text()
    assert with_policies(text) == text, "run: python -m infrastructure"
    assert [name for name in policy_names() if f"# policies/{name}.json" not in text] == []
    assert len(text.encode()) <= MAX_TEMPLATE_BYTES


def test_a_policy_in_the_template_says_what_its_file_says():
    found = policies_in(TEMPLATE.read_text())

    assert {name: json.loads(text) for name, text in found.items()} == {
        name: json.loads((POLICIES / f"{name}.json").read_text()) for name in policy_names()
    }


def test_no_placeholder_is_outside_of_the_function_that_fills_it_in():
    def texts(value):
        if isinstance(value, dict):
            return [text for key, entry in value.items() if key != "Fn::Sub" for text in texts(entry)]
        return [text for entry in value for text in texts(entry)] if isinstance(value, list) else [str(value)]

    filled = yaml.safe_load(with_policies(PLACE))

    assert "Fn::Sub" in json.dumps(filled)
    assert [text for text in texts(filled) if "${" in text] == []
    assert "${Bucket}" not in json.dumps(filled)  # a bucket that was there before is no resource of the stack


@pytest.mark.parametrize("stale", ["", " " * 8 + "Version: stale\n" + " " * 10 + "- more\n"], ids=["nothing", "stale"])
def test_what_was_below_the_name_of_a_policy_is_replaced_and_nothing_else(stale):
    before, after = "      Policy:\n", "      Next: ${Bucket}\n" + " " * 8 + "Deep: stays\n"

    text = with_policies(before + PLACE + stale + after)

    assert text == before + with_policies(PLACE) + after
    assert "stale" not in text


def test_a_policy_without_a_file_is_an_error():
    with pytest.raises(FileNotFoundError, match=r"nobody\.json"):
        with_policies(PLACE.replace("airflow", "nobody"))
