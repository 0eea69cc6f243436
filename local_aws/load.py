"""Invocations of an endpoint at a steady rate, for tests: does every one get its answer, whatever happens meanwhile?"""

import threading
import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Self
from urllib.parse import urlsplit

VARIANT_HEADER = "x-Amzn-Invoked-Production-Variant"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, or none."""

    sent: float
    """In the seconds of `time.monotonic`."""
    status: int
    """0: the connection was lost."""
    variant: str
    body: bytes


class Load:
    """
    Clients that invoke an endpoint, as a context manager. Each client is a thread with a connection that stays open.
    The requests are sent at their times, or as soon as the client's last one is answered.

    :param url: of the local AWS
    :param rate: requests in a second, of all clients together
    """

    def __init__(
        self,
        url: str,
        endpoint: str,
        body: bytes,
        rate: float = 200.0,
        clients: int = 8,
        content_type: str = "application/json",
    ):
        self._address = urlsplit(url).netloc
        self._path, self._body, self._headers = (
            f"/endpoints/{endpoint}/invocations",
            body,
            {"Content-Type": content_type},
        )
        self._interval, self._started = clients / rate, time.monotonic()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._send, args=(number / rate,), daemon=True, name=f"load-{number}")
            for number in range(clients)
        ]
        self.answers: list[Answer] = []

    @property
    def failed(self) -> list[Answer]:
        return [answer for answer in list(self.answers) if answer.status != 200]

    def since(self, moment: float) -> list[Answer]:
        """The answers to requests that were sent later, in the seconds of `time.monotonic`."""
        return [answer for answer in list(self.answers) if answer.sent >= moment]

    def __enter__(self) -> Self:
        self._started = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send(self, delay: float) -> None:
        connection = HTTPConnection(self._address, timeout=120)
        due = self._started + delay
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            self.answers.append(self._ask(connection))
            due += self._interval
        connection.close()

    def _ask(self, connection: HTTPConnection) -> Answer:
        sent = time.monotonic()
        try:
            connection.request("POST", self._path, self._body, self._headers)
            response = connection.getresponse()
            return Answer(sent, response.status, response.headers.get(VARIANT_HEADER, ""), response.read())
        except (HTTPException, OSError) as error:
            connection.close()
            return Answer(sent, 0, "", repr(error).encode())
