"""Turn a live endpoint off: delete it, its configurations, its models and its alarms."""

import logging
from collections.abc import Iterator, Mapping

from include.aws.clock import time_now
from include.aws.resources import ENDPOINT, IN_ORDER_OF_DELETION, IN_PROGRESS, Kind, bill_of
from include.config.errors import LiveEndpointError
from include.config.names import live_endpoint_name, start_of_live_names
from include.config.ownership import DEPLOYMENT, LIVE, live_tags
from include.live.promotion import Clients
from include.live.requests import alarm_names


class Retirement:
    """
    The deletion of a hashtag's live endpoint, which any process can go on with.

    :param deleted: gets the names of what was deleted, and has those that an earlier process has deleted
    """

    def __init__(
        self, clients: Clients, hashtag: str, deployment: str, log: logging.Logger, deleted: list[str] | None = None
    ):
        self._aws, self._hashtag, self._log = clients, hashtag, log
        self._tags = live_tags(hashtag, deployment)
        self.name = live_endpoint_name(hashtag)
        self._deleted = [] if deleted is None else deleted

    def poll(self) -> list[str] | None:
        """
        Do what can be done now. Return what was deleted, or None if there is something to wait for.

        :raises LiveEndpointError: the endpoint is another deployment's
        """
        client = self._aws.sagemaker
        found = ENDPOINT.find(client, self.name)
        if found is not None:
            endpoint, tags = found
            if not self._is_ours(tags):
                raise LiveEndpointError(
                    f"Endpoint {self.name} belongs to another deployment: {tags.get(DEPLOYMENT) or 'without a tag'}. "
                    f"Its tags {LIVE} and {DEPLOYMENT} would have to be {self._hashtag} and {self._tags[DEPLOYMENT]}."
                )
            # AWS deletes no endpoint that is being created or updated.
            if endpoint["EndpointStatus"] not in IN_PROGRESS:
                self._log.info("Deleting endpoint %s: %s", self.name, bill_of(client, ENDPOINT, endpoint))
                ENDPOINT.delete(client, self.name)
                self._note(ENDPOINT, self.name)
            return None
        names = [(kind, name) for kind in IN_ORDER_OF_DELETION[1:] for name in self._names(kind)]
        if ENDPOINT.describe(client, self.name) is not None:  # created since: these are its configuration and model
            return None
        for kind, name in names:
            kind.delete(client, name)
            self._note(kind, name)
        self._delete_alarms()
        self._log.info("Deleted: %s", ", ".join(self._deleted) or f"nothing, because there is no {self.name}")
        self._log.info("Nothing of it is billed any more at %s.", time_now(client).isoformat())
        return self._deleted

    def _is_ours(self, tags: Mapping[str, str]) -> bool:
        return all(tags.get(key) == self._tags[key] for key in (LIVE, DEPLOYMENT))

    def _names(self, kind: Kind) -> Iterator[str]:
        client, start = self._aws.sagemaker, start_of_live_names(self._hashtag)
        for name in kind.list_names(client, NameContains=start):
            found = kind.find(client, name) if name.startswith(start) else None
            if found is not None and self._is_ours(found[1]):
                yield name

    def _delete_alarms(self) -> None:
        """Deletes the alarms of this endpoint, whose names nobody else uses."""
        alarms = self._aws.cloudwatch.describe_alarms(AlarmNames=alarm_names(self.name))["MetricAlarms"]
        for name in [alarm["AlarmName"] for alarm in alarms]:
            self._aws.cloudwatch.delete_alarms(AlarmNames=[name])
            self._deleted.append(f"alarm {name}")

    def _note(self, kind: Kind, name: str) -> None:
        if (words := f"{kind.noun} {name}") not in self._deleted:
            self._deleted.append(words)
