"""Models, endpoint configurations and endpoints; an endpoint holds the model's own bytes and answers from them."""

import io
import tarfile
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from include.local_aws.blazingtext.inference import Predictor
from include.local_aws.cloud import S3, NoSuchObject, split_uri
from include.local_aws.pace import Pace


class Model:
    """A model: where its container and its artifact are."""

    def __init__(self, request: dict[str, Any], arn: str):
        self.name: str = request["ModelName"]
        self.arn = arn
        self.tags: list[dict[str, str]] = request.get("Tags", [])
        self.created = datetime.now(UTC)
        self._request = request

    @property
    def artifact(self) -> str | None:
        """URI of the model.tar.gz."""
        container = self._request.get("PrimaryContainer") or (self._request.get("Containers") or [{}])[0]
        uri: str | None = container.get("ModelDataUrl")
        return uri

    def describe(self) -> dict[str, Any]:
        answer = {key: value for key, value in self._request.items() if key != "Tags"}
        return answer | {"ModelArn": self.arn, "CreationTime": self.created}

    def summarize(self) -> dict[str, Any]:
        """The model's entry in ListModels."""
        return {"ModelName": self.name, "ModelArn": self.arn, "CreationTime": self.created}


class EndpointConfig:
    """An endpoint configuration."""

    def __init__(self, request: dict[str, Any], arn: str):
        self.name: str = request["EndpointConfigName"]
        self.arn = arn
        self.tags: list[dict[str, str]] = request.get("Tags", [])
        self.created = datetime.now(UTC)
        self._request = request

    @property
    def variants(self) -> list[dict[str, Any]]:
        variants: list[dict[str, Any]] = self._request["ProductionVariants"]
        return variants

    def describe(self) -> dict[str, Any]:
        answer = {key: value for key, value in self._request.items() if key != "Tags"}
        return answer | {"EndpointConfigArn": self.arn, "CreationTime": self.created}

    def summarize(self) -> dict[str, Any]:
        """The configuration's entry in ListEndpointConfigs."""
        return {"EndpointConfigName": self.name, "EndpointConfigArn": self.arn, "CreationTime": self.created}


class Endpoint:
    """
    An endpoint. It loads its model once, in the background, while it is Creating or Updating.

    :param find_model: the model of a name at the time of loading
    """

    IN_PROGRESS = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})

    def __init__(
        self, request: dict[str, Any], arn: str, config: EndpointConfig, account_id: str, pace: Pace,
        find_model: Callable[[str], Model],
    ):  # fmt: skip
        self.name: str = request["EndpointName"]
        self.arn = arn
        self.tags: list[dict[str, str]] = request.get("Tags", [])
        self.created = datetime.now(UTC)
        self.modified = self.created
        self.config = config
        self.status = "Creating"
        self.predictor: Predictor | None = None
        self._failure_reason: str | None = None
        self._s3, self._pace, self._find_model = S3(account_id), pace, find_model
        self._in_background(self._deploy, config, "Creating")

    def update(self, config: EndpointConfig) -> None:
        """Serve another configuration; the old one answers until then."""
        self._set_status("Updating")
        self._in_background(self._deploy, config, "Updating")

    def delete(self, when_gone: Callable[[], Any]) -> None:
        """Pass through Deleting; then `when_gone` is called."""
        self._set_status("Deleting")
        self._in_background(lambda: (self._pace.wait("Deleting"), when_gone()))

    def describe(self) -> dict[str, Any]:
        answer = {
            "EndpointName": self.name, "EndpointArn": self.arn, "EndpointConfigName": self.config.name,
            "EndpointStatus": self.status, "CreationTime": self.created, "LastModifiedTime": self.modified,
        }  # fmt: skip
        if self._failure_reason:
            answer["FailureReason"] = self._failure_reason[:1024]
        if self.predictor is not None:
            answer["ProductionVariants"] = [
                {
                    "VariantName": variant["VariantName"],
                    "CurrentInstanceCount": variant.get("InitialInstanceCount", 1),
                    "DesiredInstanceCount": variant.get("InitialInstanceCount", 1),
                    "CurrentWeight": variant.get("InitialVariantWeight", 1.0),
                    "DesiredWeight": variant.get("InitialVariantWeight", 1.0),
                }
                for variant in self.config.variants
            ]
        return answer

    def summarize(self) -> dict[str, Any]:
        """The endpoint's entry in ListEndpoints."""
        return {
            "EndpointName": self.name, "EndpointArn": self.arn, "EndpointStatus": self.status,
            "CreationTime": self.created, "LastModifiedTime": self.modified,
        }  # fmt: skip

    def _deploy(self, config: EndpointConfig, phase: str) -> None:
        variant = config.variants[0]
        try:
            predictor = self._load(self._find_model(variant["ModelName"]))
        except Exception as error:
            self._pace.wait(phase)
            self._failure_reason = (
                f"The primary container for production variant {variant['VariantName']} did not pass the ping health "
                f"check. Please check CloudWatch logs for this endpoint. ({error})"
            )
            # A failed update is rolled back: the old configuration goes on answering.
            self._set_status("InService" if self.predictor else "Failed")
            return
        self._pace.wait(phase)
        self._failure_reason = None
        self.predictor, self.config = predictor, config
        self._set_status("InService")

    def _load(self, model: Model) -> Predictor:
        if model.artifact is None:
            raise NoSuchObject(f"model {model.name} has no ModelDataUrl")
        archive = self._s3.read(*split_uri(model.artifact))
        with TemporaryDirectory(prefix="endpoint-") as folder:
            path = Path(folder) / "model.bin"
            with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
                member = next((entry for entry in tar if Path(entry.name).name == "model.bin"), None)
                content = tar.extractfile(member) if member is not None else None
                if content is None:
                    raise NoSuchObject(f"{model.artifact} holds no model.bin")
                path.write_bytes(content.read())
            return Predictor(path)

    def _set_status(self, status: str) -> None:
        self.status, self.modified = status, datetime.now(UTC)

    def _in_background(self, work: Callable[..., Any], *arguments: Any) -> None:
        threading.Thread(target=work, args=arguments, daemon=True, name=f"endpoint-{self.name}").start()
