"""
A company's rules for what this product starts and stores on AWS: the file that RETRAIN_COMPANY_RULES names, or
include/company.yaml. They hold for all hashtags. Without a file there are none.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-managed-spot-training.html (the limit of 60 minutes)
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ResourceConfig.html (keys and local storage)
"""

import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from textwrap import shorten
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from include.config import ownership
from include.config.errors import ConfigurationError
from include.config.hashtags import InstanceType
from include.config.mistakes import Mistake, describe_mistake, did_you_mean
from include.config.yaml_file import LOADER, KeyPath, compose, error_in, lines_of_keys

DEFAULT_FILE = Path(__file__).parents[1] / "company.yaml"
"""It is not part of the product. Bundles have a company's file here."""
MAX_SPOT_MINUTES = 60
"""AWS lets a spot training of a built-in algorithm without checkpoints, such as BlazingText, wait no longer."""
MAX_TAGS = 50 - ownership.MAX_TAGS
"""AWS's limit for a resource is 50, those of this product included."""
MAX_NAMED = 200
"""Characters of a list of names in a message."""
KEY_OF_VOLUME = {
    "training_instance_type": "volume",
    "endpoint_instance_type": "endpoint",
    "live_instance_type": "endpoint",
}
"""The settings and parameters with instance types, and which of `kms_keys` encrypts the volumes of such instances."""

_KMS_KEY = re.compile(r"arn:aws[a-z-]*:kms:([a-z0-9-]+):\d{12}:key/[A-Za-z0-9-]+")
_LOCAL_STORAGE = re.compile(r"ml\.(?!g5g)(?:[a-z]+\d+[a-z]*d[a-z]*|(?:gr?[5-9]|p[5-9]|trn[12]|dl1|i\d)[a-z0-9-]*)\.")
"""Types with local NVMe storage: d after the generation, and the newer ones with accelerators."""
_TAG = re.compile(r"[\w .:/=+\-@]*")


def _check_kms_key(arn: str) -> str:
    if not _KMS_KEY.fullmatch(arn):
        raise ValueError(
            f"{shorten(repr(arn), 120)} is not the ARN of a KMS key, such as "
            "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
        )
    return arn


def _checked_id(start: str) -> AfterValidator:
    def check(identifier: str) -> str:
        if not re.fullmatch(rf"{start}-[0-9a-z]{{1,24}}", identifier):
            raise ValueError(f"{shorten(repr(identifier), 60)} is not an id such as {start}-0abc1234")
        return identifier

    return AfterValidator(check)


def _check_tag_key(key: str) -> str:
    if key.lower().startswith(("aws:", ownership.PREFIX)):
        raise ValueError(f"keys that begin with aws: or {ownership.PREFIX} are taken, by AWS and by this product")
    if not _TAG.fullmatch(key) or not 1 <= len(key) <= 128:
        raise ValueError("AWS takes keys of 1 to 128 letters, digits, spaces and . : / = + - @ _")
    return key


def _check_tag_value(value: str) -> str:
    if not _TAG.fullmatch(value) or len(value) > ownership.MAX_VALUE_CHARACTERS:
        raise ValueError("AWS takes values of at most 256 letters, digits, spaces and . : / = + - @ _")
    return value


KmsKey = Annotated[str, AfterValidator(_check_kms_key)]
TagKey = Annotated[str, AfterValidator(_check_tag_key)]
TagValue = Annotated[str, AfterValidator(_check_tag_value)]
Minutes = Annotated[int, Field(ge=1, le=MAX_SPOT_MINUTES)]


class _Rules(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class KmsKeys(_Rules):
    """ARNs of KMS keys; empty for AWS's own keys."""

    volume: KmsKey = ""
    """Encrypts the volumes of training instances."""
    output: KmsKey = ""
    """Encrypts the models that training jobs write to S3."""
    endpoint: KmsKey = ""
    """Encrypts the volumes of endpoints' instances."""
    s3: KmsKey = ""
    """Encrypts all that this product itself writes to S3."""


class SpotTraining(_Rules):
    """Training on spot instances."""

    max_wait_minutes: Minutes
    """How long a job may take, with the time in which it waits for instances."""
    max_runtime_minutes: Minutes = 60
    """How long it may train."""


class CompanyRules(_Rules):
    """The rules, as the file contains them."""

    subnets: Annotated[list[Annotated[str, _checked_id("subnet")]], Field(max_length=16)] = Field(default_factory=list)
    """The VPC's subnets in which containers train and serve."""
    security_group_ids: Annotated[list[Annotated[str, _checked_id("sg")]], Field(max_length=5)] = Field(
        default_factory=list
    )
    """The security groups of their network interfaces."""
    kms_keys: KmsKeys = KmsKeys()
    """See KmsKeys."""
    network_isolation: bool = False
    """Whether containers have no network at all; SageMaker itself copies data and models."""
    encrypt_between_containers: bool = False
    """Whether the traffic between the containers of a training job is encrypted."""
    spot_training: SpotTraining | None = None
    """Whether training uses spot instances: see SpotTraining."""
    tags: dict[TagKey, TagValue] = Field(default_factory=dict)
    """Tags of all that is created, for cost allocation."""
    instance_types: Annotated[list[InstanceType], Field(min_length=1)] = Field(default_factory=list)
    """The instance types that may be used; without this key, any."""

    @property
    def kms_region(self) -> str:
        """The region of the KMS keys; empty if there are none."""
        return next(iter(_kms_regions(self)), "")

    def objection(self, name: str, value: Any) -> str | None:
        """
        Why the rules do not allow a value; None if they do.

        :param name: of a hashtag's setting or of a run's parameter
        """
        if name == "prepare_on" and value == "glue" and self.subnets:
            return "jobs of Glue do not run in the subnets of the company's rules; use prepare_on: worker"
        if name not in KEY_OF_VOLUME or not isinstance(value, str):
            return None
        if self.instance_types and value not in self.instance_types:
            allowed = shorten(", ".join(self.instance_types), MAX_NAMED, placeholder=" …")
            return (
                f"the company's rules do not allow {value}{did_you_mean(value, self.instance_types)}, only: {allowed}"
            )
        return self._objection_to_local_storage(KEY_OF_VOLUME[name], value)

    def _objection_to_local_storage(self, key: str, instance_type: str) -> str | None:
        if not getattr(self.kms_keys, key) or not has_local_storage(instance_type):
            return None
        return (
            f"{instance_type} has local storage, which only the hardware's own key encrypts, so AWS refuses the "
            f"company's kms_keys.{key} with it. Use a type without local storage, such as ml.m5.large."
        )

    def contradictions(self) -> Iterator[tuple[KeyPath, str]]:
        """The paths of rules that contradict others or AWS's limits, and why."""
        if self.subnets and not self.security_group_ids:
            yield ("subnets",), "AWS takes subnets only with security_group_ids; add them"
        if self.security_group_ids and not self.subnets:
            yield ("security_group_ids",), "AWS takes security groups only with subnets; add them"
        if len(regions := set(_kms_regions(self))) > 1:
            yield ("kms_keys",), f"the keys are of different regions ({', '.join(sorted(regions))}); use one"
        if len(self.tags) > MAX_TAGS:
            yield ("tags",), f"{len(self.tags)} are too many: with this product's tags, AWS takes {MAX_TAGS} at most"
        yield from self._contradictions_of_spot()
        yield from self._contradictions_of_types()

    def _contradictions_of_spot(self) -> Iterator[tuple[KeyPath, str]]:
        spot = self.spot_training
        if spot is not None and spot.max_wait_minutes < spot.max_runtime_minutes:
            yield (
                ("spot_training", "max_wait_minutes"),
                f"{spot.max_wait_minutes} is less than max_runtime_minutes ({spot.max_runtime_minutes}), which AWS "
                "counts in. Raise it, or lower max_runtime_minutes.",
            )

    def _contradictions_of_types(self) -> Iterator[tuple[KeyPath, str]]:
        """Types that may serve for nothing, neither for training nor for endpoints."""
        if self.kms_keys.volume and self.kms_keys.endpoint:
            for place, name in enumerate(self.instance_types):
                if objection := self._objection_to_local_storage("volume", name):
                    yield ("instance_types", str(place)), objection

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "CompanyRules":
        """
        :raises ConfigurationError: the file has mistakes, or RETRAIN_COMPANY_RULES names a file that is not there
        """
        named = environment.get("RETRAIN_COMPANY_RULES")
        path = Path(named) if named else DEFAULT_FILE
        if not named and not path.exists():
            return NO_RULES
        try:
            changed = path.stat().st_mtime_ns
        except OSError as error:
            raise ConfigurationError(f"RETRAIN_COMPANY_RULES={named!r}: {error.strerror}") from None
        return _load_once(path, changed)


NO_RULES = CompanyRules()


def has_local_storage(instance_type: str) -> bool:
    """Whether instances of this type have local NVMe storage, which AWS encrypts with no key of KMS."""
    return _LOCAL_STORAGE.match(instance_type) is not None


def _kms_regions(rules: CompanyRules) -> list[str]:
    """The region of each key."""
    found = (_KMS_KEY.fullmatch(getattr(rules.kms_keys, name)) for name in KmsKeys.model_fields)
    return [match[1] for match in found if match]


@lru_cache(maxsize=8)
def _load_once(path: Path, changed: int) -> CompanyRules:
    """:param changed: when the file was: every hashtag's DAG asks for the rules"""
    return load_rules(path)


def load_rules(path: Path) -> CompanyRules:
    """
    :raises ConfigurationError: the file cannot be read, or has mistakes; the message names them all
    """
    root = compose(path)
    if not isinstance(root, yaml.MappingNode):
        raise ConfigurationError(f"{path}: expected rules, such as network_isolation: true (docs/company-rules.md)")
    lines, loader = lines_of_keys(path, root), LOADER("")
    try:
        rules = CompanyRules.model_validate(loader.construct_document(root))
    except ValidationError as error:
        mistakes = [_describe(mistake) for mistake in error.errors()]
    except Exception as error:  # PyYAML has no common error for impossible dates, broken numbers and Python's tags
        reason = " ".join(str(error).split())[:200]
        raise ConfigurationError(f"{path}: YAML cannot read a value: {reason}") from None
    else:
        mistakes = list(rules.contradictions())
        if not mistakes:
            return rules
    finally:
        loader.dispose()
    messages = [str(error_in(path, where, lines, message)) for where, message in mistakes]
    raise ConfigurationError("\n".join(dict.fromkeys(messages)))


def _describe(mistake: Mistake) -> tuple[KeyPath, str]:
    kinds: dict[Any, type[BaseModel]] = {"kms_keys": KmsKeys, "spot_training": SpotTraining}
    kind = kinds.get(mistake["loc"][0], CompanyRules) if len(mistake["loc"]) > 1 else CompanyRules
    return describe_mistake(mistake, list(kind.model_fields))
