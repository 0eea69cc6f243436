"""
Ask a hashtag's classifier on an endpoint, as applications do: without Airflow.

    from include.classifier import Classifier

    classifier = Classifier.connect("aws")
    for prediction in classifier.predict(["Cold starts halved after we trimmed the layer"]):
        print(prediction.label, prediction.probability)

Region and credentials come from AWS's environment variables or files, the deployment from RETRAIN_BUCKET and
RETRAIN_PREFIX. docs/predict.md lists the permissions.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Self

from include.aws.registry import Registry, Version
from include.blazingtext.inference import invocation, parse_answer
from include.config.errors import ConfigurationError, EvaluationError
from include.config.names import check_hashtag, dag_id_of, model_package_group, start_of_run_name
from include.config.ownership import DEPLOYMENT, OWNER, tag_value, tag_values
from include.config.settings import BOTOCORE_CONFIG, Place
from include.evaluation.calibration import at_temperature
from include.predictions import Prediction
from include.tweets.cleaning import clean
from include.tweets.tokens import instances

TEXTS_AT_ONCE = 100
MAX_LABELS = 100
ANSWERING = frozenset({"InService", "Updating", "RollingBack", "SystemUpdating"})
LONG_AGO = datetime(2006, 3, 21, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Classifier:
    """
    The model behind an endpoint.

    :param runtime: a boto3 client of sagemaker-runtime
    :param version: the model's version in the registry, which knows how its texts are prepared and its temperature
    """

    runtime: Any
    endpoint_name: str
    version: Version

    @classmethod
    def connect(cls, hashtag: str, endpoint_name: str | None = None, session: Any = None) -> Self:
        """
        :param endpoint_name: the default is the hashtag's live endpoint, or else its newest one that is in service
        :param session: a boto3 session; the default is that of the environment
        :raises ConfigurationError: there is no such endpoint, or its model is none of this product's
        """
        from boto3.session import Session
        from botocore.config import Config

        from include.live.bill import live_endpoint_of

        session = session or Session()
        place, config = Place.from_environment(), Config(**BOTOCORE_CONFIG)
        sagemaker = session.client("sagemaker", config=config)
        live = live_endpoint_of(sagemaker, check_hashtag(hashtag), place.deployment)
        live_name = live.name if live and live.status in ANSWERING else None
        name = endpoint_name or live_name or _newest_endpoint(sagemaker, hashtag, place)
        version = _version_of(sagemaker, name, hashtag, place)
        return cls(session.client("sagemaker-runtime", config=config), name, version)

    def predict(self, texts: Iterable[str]) -> Iterator[Prediction]:
        """
        The labels of texts, the most probable first, with calibrated probabilities. A text of which the model knows no
        word has none.

        :raises EvaluationError: the endpoint's answer is not that of BlazingText
        """
        texts = iter(texts)
        temperature = float(self.version.properties.get("temperature", 1))
        while batch := list(islice(texts, TEXTS_AT_ONCE)):
            for prediction in self._ask(batch):
                yield at_temperature(prediction, temperature)

    def _ask(self, texts: list[str]) -> list[Prediction]:
        recipe = self.version.properties.get("recipe", "clean")
        tokenised = instances([clean(text, recipe) for text in texts])  # type: ignore[arg-type]
        answer = self.runtime.invoke_endpoint(
            EndpointName=self.endpoint_name,
            ContentType="application/json",
            Body=json.dumps(invocation(tokenised, int(self.version.properties.get("labels", MAX_LABELS)))),
        )
        predictions = parse_answer(answer["Body"].read())
        if len(predictions) != len(texts):
            raise EvaluationError(f"{self.endpoint_name} answered {len(predictions)} of {len(texts)} texts")
        return predictions


def _newest_endpoint(sagemaker: Any, hashtag: str, place: Place) -> str:
    dag_id = dag_id_of(hashtag)
    pages = sagemaker.get_paginator("list_endpoints").paginate(
        NameContains=start_of_run_name(dag_id), StatusEquals="InService", SortBy="CreationTime", SortOrder="Descending"
    )
    for endpoint in (endpoint for page in pages for endpoint in page["Endpoints"]):
        tags = tag_values(sagemaker.list_tags(ResourceArn=endpoint["EndpointArn"])["Tags"])
        if tags.get(DEPLOYMENT) == tag_value(place.deployment) and tags.get(OWNER, "").startswith(f"{dag_id}/"):
            name: str = endpoint["EndpointName"]
            return name
    raise ConfigurationError(
        f"no endpoint of #{hashtag} is in service. A run of {dag_id} keeps its endpoint for keep_endpoint_minutes."
    )


def _version_of(sagemaker: Any, endpoint_name: str, hashtag: str, place: Place) -> Version:
    """The version in the registry of the model that an endpoint serves."""
    try:
        endpoint = sagemaker.describe_endpoint(EndpointName=endpoint_name)
    except sagemaker.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":
            raise
        raise ConfigurationError(error.response["Error"]["Message"]) from None
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    model = sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    artifact = model.get("PrimaryContainer", {}).get("ModelDataUrl", "")
    ours = f"s3://{place.deployment}/"
    version = Registry(sagemaker, model_package_group(hashtag), ours).find(artifact, LONG_AGO)
    if version is None:
        raise ConfigurationError(
            f"the model of endpoint {endpoint_name}, {artifact}, is no registered version of #{hashtag}"
        )
    return version
