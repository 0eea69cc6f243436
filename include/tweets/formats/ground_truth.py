"""
The label of a line of a SageMaker Ground Truth output manifest.

The line contains the text as ``source``, the label under the name of the labelling job's attribute, and the label's
metadata as ``<attribute>-metadata``. After a chain of labelling jobs it has several attributes.

https://docs.aws.amazon.com/sagemaker/latest/dg/sms-data-output.html#sms-output-class
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from include.tweets.formats.confidence import check_confidence
from include.tweets.rows import BadRow

TEXT = "source"
METADATA = "-metadata"
CREATION_DATE = "creation-date"


def attributes(entry: Mapping[str, Any]) -> list[str]:
    """The names of the labelling jobs' attributes: those with metadata."""
    return [
        name.removesuffix(METADATA)
        for name, value in entry.items()
        if name.endswith(METADATA) and isinstance(value, dict)
    ]


def label(entry: Mapping[str, Any], attribute: str, min_confidence: float) -> str:
    """
    What the line contains as label.

    :param attribute: the labelling job's attribute; empty for the newest one
    :raises BadRow: there is no label, or one with less confidence
    """
    attribute = _attribute(entry, attribute)
    metadata = entry[attribute + METADATA]
    if "failure-reason" in metadata:
        raise BadRow("not_labelled", f"Ground Truth did not label this text: {metadata['failure-reason']}"[:200])
    if "class-map" in metadata:
        raise BadRow("several_labels", f"{attribute} contains several labels; expected one")
    check_confidence(metadata.get("confidence", 1.0), min_confidence)
    return str(metadata.get("class-name", entry.get(attribute)))


def _attribute(entry: Mapping[str, Any], wanted: str) -> str:
    found = attributes(entry)
    if wanted:
        if wanted not in found:
            raise BadRow("not_labelled", f"no {wanted}{METADATA}, which label_attribute names; found: {_names(found)}")
        return wanted
    dates = {name: _created(entry[name + METADATA]) for name in found}
    newest = max(dates.values(), default=None)
    names = [name for name, date in dates.items() if date == newest]
    if len(names) != 1:
        raise BadRow(
            "missing_column",
            f"expected one attribute with {METADATA}, or one with the newest {CREATION_DATE}, found: {_names(found)}; "
            f"set label_attribute to the name of the right one",
        )
    return names[0]


def _created(metadata: Mapping[str, Any]) -> datetime:
    """In UTC, which Ground Truth's times without a zone are in; long ago if there is no time."""
    try:
        created = datetime.fromisoformat(str(metadata.get(CREATION_DATE)))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return created if created.tzinfo else created.replace(tzinfo=UTC)


def _names(attributes: list[str]) -> str:
    return ", ".join(attributes)[:200] or "none"
