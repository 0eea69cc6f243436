"""The settings and services that a task needs."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

from include.aws.registry import Registry
from include.aws.storage import Storage
from include.config.company import CompanyRules
from include.config.names import Keys, model_package_group
from include.config.settings import Settings


@dataclass(frozen=True)
class Workplace:
    """The deployment's settings and bucket, the company's rules, and the keys of one date of a hashtag."""

    settings: Settings
    rules: CompanyRules
    storage: Storage
    keys: Keys

    @classmethod
    def connect(cls, hashtag: str, date: str) -> Self:
        """Use the environment's settings and Airflow's connection."""
        settings, rules = Settings.from_environment(), CompanyRules.from_environment()
        storage = Storage.connect(settings.bucket, kms_key=rules.kms_keys.s3)
        return cls(settings, rules, storage, Keys(settings.prefix, hashtag, date))

    @cached_property
    def registry(self) -> Registry:
        """The hashtag's versions in the model registry that belong to this deployment."""
        artifacts = self.storage.uri(self.keys.prefix + "/")
        return Registry.connect(model_package_group(self.keys.hashtag), artifacts, self.rules.tags)
