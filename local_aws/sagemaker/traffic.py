"""Which fleet answers an invocation."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from local_aws.sagemaker.fleet import Fleet

Routes = list[tuple[Fleet, float]]
"""Fleets, and their shares of the traffic."""


class Traffic:
    """The traffic of an endpoint. A change is for the next invocation; those that are open end where they are."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._routes: Routes = []
        self._random = random.Random()

    @property
    def routes(self) -> Routes:
        return self._routes

    def set(self, routes: Routes) -> None:
        with self._changed:
            self._routes = [(fleet, share) for fleet, share in routes if share > 0]

    def share(self, base: Routes, new: Fleet, share: float) -> None:
        """Give a share of the traffic to a new fleet, and what is left to the others, in their proportions."""
        self.set([*((fleet, part * (1 - share)) for fleet, part in base), (new, share)])

    @contextmanager
    def open(self, variant: str | None) -> Iterator[tuple[Fleet, str] | None]:
        """
        The fleet and the variant of it that answer an invocation; None if there is no such variant.

        :param variant: the one that is asked for; None: any, by their weights
        """
        with self._changed:
            chosen = self._choose(variant)
            if chosen is not None:
                chosen[0].open_requests += 1
        try:
            yield chosen
        finally:
            if chosen is not None:
                with self._changed:
                    chosen[0].open_requests -= 1
                    self._changed.notify_all()

    def _choose(self, variant: str | None) -> tuple[Fleet, str] | None:
        routes = [(fleet, share) for fleet, share in self._routes if variant is None or variant in fleet.predictors]
        if not routes:
            return None
        fleet = self._random.choices([fleet for fleet, _ in routes], [share for _, share in routes])[0]
        if variant is not None:
            return fleet, variant
        weights = fleet.weights()
        return fleet, self._random.choices(list(weights), list(weights.values()))[0]

    def wait_until_idle(self, fleets: list[Fleet], seconds: float) -> bool:
        """Wait until the fleets have no open requests, but only for so long."""
        with self._changed:
            return self._changed.wait_for(lambda: not any(fleet.open_requests for fleet in fleets), seconds)
