"""Faults on demand: calls that fail, answer late or lose their connection, and phases that fail."""

import itertools
import random
import re
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from local_aws.service_models import service_model

STATUSES = {
    "InternalServerError": 500,
    "InternalFailure": 500,
    "InternalError": 500,
    "ServiceUnavailable": 503,
    "SlowDown": 503,
    "ServiceUnavailableException": 503,
    "AccessDeniedException": 403,
    "AccessDenied": 403,
    "ExpiredTokenException": 403,
    "NoSuchKey": 404,
    "NoSuchBucket": 404,
    "NotFound": 404,
    "PreconditionFailed": 412,
}
"""HTTP statuses of the codes that are not 400, ThrottlingException among these."""
CONNECTION_RESET = "ConnectionReset"
"""The code of a fault that ends the connection without an answer."""
PHASES = {
    "training-job": ("Starting", "Downloading", "Training", "Uploading"),
    "transform-job": ("Starting", "Transforming"),
    "endpoint": ("Creating", "Updating"),
}
"""In which phases a job or an endpoint can be made to fail."""

_ids = itertools.count(1)


@cache
def _operations() -> frozenset[str]:
    """Of the services that people order faults of, with and without the service's name."""
    services = ("sagemaker", "sagemaker-runtime", "s3", "logs", "cloudwatch", "iam", "sts", "sns")
    names = {(service, name) for service in services for name in service_model(service).operation_names}
    return frozenset({name for _, name in names} | {f"{service}:{name}" for service, name in names})


class FaultError(ValueError):
    """A fault that does not make sense; the message says which member and why."""


@dataclass
class Fault:
    """One fault. With `phase` it is a job's or an endpoint's, otherwise it is a call's."""

    operation: str = "*"
    """Pattern of an operation's name: ``CreateEndpoint``, ``Create*``, ``s3:GetObject``."""
    name: str = "*"
    """Pattern of the resource's name; of S3's objects it is ``bucket/key``."""
    error: str | None = None
    """The error's code, e.g. ``ThrottlingException``, or ``ConnectionReset``; without one the call is only late."""
    message: str | None = None
    """The error's message, or the failed phase's FailureReason."""
    delay_seconds: float = 0.0
    """How late the call is answered."""
    phase: str | None = None
    times: int | None = 1
    """How many calls or phases it hits; None: all of them."""
    probability: float = 1.0
    """With which each call that fits is hit."""
    seed: int | None = None
    """Of the probability's random numbers."""
    id: int = field(default_factory=lambda: next(_ids))
    hits: int = 0

    def __post_init__(self) -> None:
        self._check()
        self._random = random.Random(self.seed)

    def _check(self) -> None:
        for name, kinds, words in (
            ("operation", str, "a string"),
            ("name", str, "a string"),
            ("error", (str, type(None)), "a string"),
            ("message", (str, type(None)), "a string"),
            ("phase", (str, type(None)), "a string"),
            ("delay_seconds", (int, float), "a number"),
            ("probability", (int, float), "a number"),
            ("times", (int, type(None)), "an integer or null"),
            ("seed", (int, type(None)), "an integer or null"),
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, kinds):
                raise FaultError(f"{name} must be {words}, not {value!r}")
        self._check_what()
        if not 0 <= self.delay_seconds <= 600:
            raise FaultError(f"delay_seconds must be between 0 and 600, not {self.delay_seconds}")
        if not 0 < self.probability <= 1:
            raise FaultError(f"probability must be above 0 and at most 1, not {self.probability}")
        if self.times is not None and self.times < 1:
            raise FaultError(f"times must be at least 1, or null for no end, not {self.times}")

    def _check_what(self) -> None:
        phases = sorted({phase for phases in PHASES.values() for phase in phases})
        if self.phase is not None and self.phase not in phases:
            raise FaultError(f"phase must be one of {', '.join(phases)}, not {self.phase!r}")
        if self.error is not None and not re.fullmatch(r"[A-Za-z0-9.]+", self.error):
            raise FaultError(f"error must be an error's code, e.g. ThrottlingException, not {self.error!r}")
        if not any(fnmatchcase(name, self.operation) for name in _operations()):
            raise FaultError(
                f"operation {self.operation!r} fits no operation; names are like CreateEndpoint, s3:GetObject"
            )
        if self.phase is not None and (self.error is not None or self.delay_seconds):
            raise FaultError("a phase fails with a message; error and delay_seconds are for calls")
        if self.phase is None and self.error is None and not self.delay_seconds:
            raise FaultError("a fault needs an error, a delay_seconds above 0, or a phase")

    @classmethod
    def from_request(cls, request: Any) -> "Fault":
        """
        :raises FaultError: no object, an unknown member, or a value that does not make sense
        """
        known = ("operation", "name", "error", "message", "delay_seconds", "phase", "times", "probability", "seed")
        if not isinstance(request, Mapping):
            raise FaultError("a fault is a JSON object")
        if unknown := sorted(set(request) - set(known)):
            raise FaultError(f"unknown member {', '.join(unknown)}; known are {', '.join(known)}")
        return cls(**request)

    def hit(self) -> bool:
        """Whether it hits, now that something fits it; counted if so."""
        if self.exhausted or self._random.random() >= self.probability:
            return False
        self.hits += 1
        return True

    @property
    def exhausted(self) -> bool:
        return self.times is not None and self.hits >= self.times

    def describe(self) -> dict[str, Any]:
        return asdict(self)


class Faults:
    """All faults, in the order in which they were added; the first that hits counts."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def list(self) -> list[dict[str, Any]]:
        with self._lock:
            return [fault.describe() for fault in self._faults]

    def remove(self, fault_id: int | None = None) -> int:
        """Remove one, or all of them; returns how many."""
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
                and (fnmatchcase(operation, fault.operation) or fnmatchcase(f"{service}:{operation}", fault.operation))
                and fnmatchcase(name, fault.name)
            )
        )

    def of_phase(self, phase: str, name: str) -> Fault | None:
        """The fault that hits a job or an endpoint as it enters a phase."""
        return self._first_hit(lambda fault: fault.phase == phase and fnmatchcase(name, fault.name))

    def _first_hit(self, fits: Any) -> Fault | None:
        with self._lock:
            return next((fault for fault in self._faults if fits(fault) and fault.hit()), None)
