"""Faults on request: calls that fail, are slow or lose their connection; jobs and endpoints that fail in a phase."""

import itertools
import random
import re
import threading
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import cache
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator
from pydantic_core import ErrorDetails

from local_aws.service_models import RUNTIME, SAGEMAKER, service_model

CONNECTION_RESET = "ConnectionReset"
"""The error code of a fault that closes the connection without an answer."""
UNHEALTHY, NO_ANSWER = "Unhealthy", "NoAnswer"
"""The errors of a model's container that never becomes healthy, or does not answer; others are HTTP statuses."""
Phase = Literal[
    "Creating",
    "Downloading",
    "RollingBack",
    "Running",
    "Starting",
    "Training",
    "Transforming",
    "Updating",
    "Uploading",
]
PHASES: tuple[str, ...] = get_args(Phase)
"""The phases in which a job or an endpoint can be made to fail."""
SERVICES = (SAGEMAKER, RUNTIME, "s3", "glue", "logs", "cloudwatch", "iam", "sts", "sns", "sqs")
"""The services whose operations a fault can name."""

MAX_FAULTS = 1000

_ids = itertools.count(1)


@cache
def _operations() -> frozenset[str]:
    """Every operation as ``Operation`` and as ``service:Operation``."""
    names = {(service, name) for service in SERVICES for name in service_model(service).operation_names}
    return frozenset({name for _, name in names} | {f"{service}:{name}" for service, name in names})


def _check_operation(pattern: str) -> str:
    if not any(fnmatchcase(name, pattern) for name in _operations()):
        raise ValueError(f"operation {pattern!r} fits no operation; names are like CreateEndpoint, s3:GetObject")
    return pattern


def _check_model_fault(phase: str | None, error: str | None) -> None:
    if phase:
        raise ValueError("a fault is of a model or of a phase, not of both")
    if error not in {None, UNHEALTHY, NO_ANSWER} and not re.fullmatch("[45][0-9][0-9]", str(error)):
        raise ValueError(f"a model's error is a status from 400 to 599, {UNHEALTHY} or {NO_ANSWER}, not {error!r}")


class FaultError(ValueError):
    """A request for a fault is not valid. The message names the member, what is wrong and what is allowed."""


class FaultRequest(BaseModel):
    """The members of a fault that a client can set. Error messages say that a member "must be" its description."""

    model_config = ConfigDict(extra="forbid", strict=True)

    operation: Annotated[str, AfterValidator(_check_operation)] = Field(
        "*", description="a pattern of an operation's name, e.g. CreateEndpoint, Create* or s3:GetObject"
    )
    name: str = Field("*", description="a pattern of the resource's name; bucket/key for an object")
    error: str | None = Field(
        None, pattern="^[A-Za-z0-9.]+$", description=f"an error's code, e.g. ThrottlingException or {CONNECTION_RESET}"
    )
    message: str | None = Field(
        None,
        pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]*$",  # the characters that XML cannot contain
        description="a string of characters that XML can contain, the error's message or the FailureReason",
    )
    delay_seconds: float = Field(0.0, ge=0, le=600, description="between 0 and 600")
    phase: Phase | None = Field(None, description=f"one of {', '.join(PHASES)}")
    model: str | None = Field(None, description="a pattern of a model's name")
    times: int | None = Field(1, ge=1, description="an integer of at least 1, or null for no limit")
    probability: float = Field(1.0, gt=0, le=1, description="above 0 and at most 1")
    seed: int | None = Field(None, description="an integer or null")

    @model_validator(mode="after")
    def _check_effect(self) -> Self:
        if self.phase and (self.error or self.delay_seconds):
            raise ValueError("a phase fails with a message; error and delay_seconds are for calls")
        if not (self.phase or self.error or self.delay_seconds):
            raise ValueError("a fault needs an error, a delay_seconds above 0, or a phase")
        if self.model is not None:
            _check_model_fault(self.phase, self.error)
        return self


class Fault(FaultRequest):
    """One fault. It makes a job or an endpoint fail in a phase, or a model's container, or else a call."""

    id: int = Field(default_factory=lambda: next(_ids))
    hits: int = 0
    _random: random.Random = PrivateAttr()

    def model_post_init(self, _: Any) -> None:
        self._random = random.Random(self.seed)

    @classmethod
    def from_json(cls, body: bytes) -> Self:
        """
        :raises FaultError: the body is not a valid request for a fault
        """
        try:
            return cls(**FaultRequest.model_validate_json(body).model_dump())
        except ValidationError as error:
            raise FaultError("; ".join(map(_reason, error.errors()))) from None

    def hit(self) -> bool:
        """Decide whether the fault hits a call or phase that it fits; count the hit."""
        if self.exhausted or self._random.random() >= self.probability:
            return False
        self.hits += 1
        return True

    @property
    def exhausted(self) -> bool:
        return self.times is not None and self.hits >= self.times


def _reason(error: ErrorDetails) -> str:
    member = str(error["loc"][0]) if error["loc"] else ""
    match error["type"]:
        case "json_invalid":
            return f"the body is not JSON: {error['ctx']['error']}"
        case "model_type":
            return "a fault is a JSON object"
        case "extra_forbidden":
            return f"unknown member {member}; known are {', '.join(FaultRequest.model_fields)}"
        case "value_error":
            return str(error["ctx"]["error"])
    return f"{member} must be {FaultRequest.model_fields[member].description}, not {error['input']!r}"


def _is_of_model(fault: Fault, model: str) -> bool:
    return fault.model is not None and fnmatchcase(model, fault.model)


class Faults:
    """All faults, in the order in which they were added. The first one that hits applies."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """
        :raises FaultError: there are too many
        """
        with self._lock:
            if len(self._faults) >= MAX_FAULTS:
                raise FaultError(f"there are {MAX_FAULTS:,} faults already; withdraw some first")
            self._faults.append(fault)

    def list(self) -> list[dict[str, Any]]:
        with self._lock:
            return [fault.model_dump() for fault in self._faults]

    def remove(self, fault_id: int | None = None) -> int:
        """Remove one fault, or all of them; return how many were removed."""
        with self._lock:
            left = [fault for fault in self._faults if fault_id is not None and fault.id != fault_id]
            removed = len(self._faults) - len(left)
            self._faults = left
        return removed

    def of_call(self, service: str, operation: str, name: str) -> Fault | None:
        """The fault that hits a call."""
        return self._first_hit(
            lambda fault: (
                fault.phase is None
                and fault.model is None
                and (fnmatchcase(operation, fault.operation) or fnmatchcase(f"{service}:{operation}", fault.operation))
                and fnmatchcase(name, fault.name)
            )
        )

    def of_phase(self, phase: str, name: str) -> Fault | None:
        """The fault that hits a job or an endpoint when it enters a phase."""
        return self._first_hit(lambda fault: fault.phase == phase and fnmatchcase(name, fault.name))

    def of_start(self, model: str) -> Fault | None:
        """The fault that keeps a model's container from becoming healthy."""
        return self._first_hit(lambda fault: _is_of_model(fault, model) and fault.error == UNHEALTHY)

    def of_invocation(self, model: str) -> Fault | None:
        """The fault that hits an invocation of a model's container."""
        return self._first_hit(lambda fault: _is_of_model(fault, model) and fault.error != UNHEALTHY)

    def _first_hit(self, fits: Callable[[Fault], bool]) -> Fault | None:
        with self._lock:
            return next((fault for fault in self._faults if fits(fault) and fault.hit()), None)
