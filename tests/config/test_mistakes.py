from typing import Annotated, Literal

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from include.config.mistakes import describe_mistake, did_you_mean


def refuse(value: str) -> str:
    if value == "bad":
        raise ValueError("bad is not possible")
    return value


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    labels: dict[str, str]
    recipe: Literal["clean", "original"] = "clean"
    hours: Annotated[float, Field(ge=0, le=24)] = 1
    minutes: Annotated[float, Field(gt=0)] = 1
    owner: Annotated[str, AfterValidator(refuse)] = "me"


def mistakes(**entry) -> dict[str, str]:
    """What is said of an entry, by the key's path."""
    with pytest.raises(ValidationError) as refused:
        Entry(**entry)
    described = (describe_mistake(mistake, Entry.model_fields) for mistake in refused.value.errors())
    return {".".join(path): message for path, message in described}


@pytest.mark.parametrize(
    ("entry", "path", "message"),
    [
        ({}, "labels", 'is missing; write for example labels: {"0": technical, "1": marketing}'),
        ({"labels": []}, "labels", 'expected a mapping, for example labels: {"0": technical, "1": marketing}'),
        ({"labels": {0: "a"}}, "labels.0", 'YAML reads this as a number, 0; put the id in quotes: "0"'),
        ({"labels": {"0": True}}, "labels.0", 'YAML reads this as a boolean, True; put the text in quotes: "yes"'),
        ({"labels": {"0": None}}, "labels.0", "has no value; write one, or remove the key"),
        ({"labels": {"0": ["a"]}}, "labels.0", "['a'] is a list; expected text"),
        ({"labels": {}, "recipe": "orignal"}, "recipe", "'orignal' is not one of: clean, original (did you mean "),
        ({"labels": {}, "hours": -1}, "hours", "-1 must be at least 0"),
        ({"labels": {}, "hours": 25}, "hours", "25 must be at most 24"),
        ({"labels": {}, "minutes": 0}, "minutes", "0 must be greater than 0"),
        ({"labels": {}, "hours": "2"}, "hours", "'2' is text; input should be a valid number, without quotes"),
        ({"labels": {}, "hours": None}, "hours", "has no value; input should be a valid number"),
        ({"labels": {}, "owner": "bad"}, "owner", "bad is not possible"),
        (
            {"labels": {}, "hour": 2},
            "hour",
            "unknown key (did you mean hours?); expected one of: labels, recipe, hours",
        ),
    ],
)
def test_a_mistake_is_named_with_its_key_and_with_what_to_write(entry, path, message):
    (said,) = mistakes(**entry).items()

    assert said[0] == path
    assert said[1].startswith(message)


def test_a_long_value_is_shortened():
    assert len(mistakes(labels={}, hours="x " * 5_000)["hours"]) < 200


def test_only_a_similar_word_is_suggested():
    assert did_you_mean("epoch", ["epochs", "tags"]) == " (did you mean epochs?)"
    assert did_you_mean("colour", ["epochs", "tags"]) == ""
