"""A headless Chromium, told what to do over its DevTools protocol (https://chromedevtools.github.io/devtools-protocol/)."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from docs.pictures import CHROMIUM_COMMANDS

SECONDS = 30


class Tab:
    """A tab. It remembers what its pages did beside showing themselves."""

    def __init__(self, socket: ClientConnection) -> None:
        self.events: list[dict[str, Any]] = []
        self._socket, self._numbers = socket, count(1)
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while (answer := self._receive()).get("id") != number:
            pass
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def open(self, url: str) -> None:
        """Open a page, and wait until all of it is there."""
        self.events.clear()
        self.call("Page.navigate", url=url)
        while not self.heard("Page.loadEventFired"):
            self._receive()

    def evaluate(self, expression: str) -> Any:
        """The value of an expression of JavaScript, in JSON's types."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def heard(self, method: str) -> list[dict[str, Any]]:
        return [event["params"] for event in self.events if event["method"] == method]

    def resize(self, width: int, height: int) -> None:
        """As a phone or a screen of this many CSS pixels."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **size)

    def prefer(self, scheme: str) -> None:
        """As a system in `light` or `dark` mode."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def _receive(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._socket.recv(SECONDS))
        if "method" in message:
            self.events.append(message)
        return message


@contextmanager
def tab_of_chromium(folder: Path) -> Iterator[Tab]:
    """
    :param folder: for the browser's profile
    """
    command = next(filter(None, map(shutil.which, CHROMIUM_COMMANDS)), None)
    assert command, f"There is no Chromium: none of these commands exists: {', '.join(CHROMIUM_COMMANDS)}"
    options = ["--headless=new", "--no-sandbox", "--no-proxy-server", "--disable-gpu", "--remote-debugging-port=0"]
    with subprocess.Popen(
        [command, *options, f"--user-data-dir={folder}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            port = _port(folder / "DevToolsActivePort")
            with connect(f"ws://127.0.0.1:{port}{_path_of_tab(port)}", max_size=None, proxy=None) as socket:
                yield Tab(socket)
        finally:
            process.terminate()


def _port(file: Path) -> int:
    """Chromium writes its port into this file."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        if file.exists() and (lines := file.read_text().split()):
            return int(lines[0])
        time.sleep(0.1)
    raise TimeoutError(f"Chromium has not started within {SECONDS} s")


def _path_of_tab(port: int) -> str:
    import requests

    session = requests.Session()
    session.trust_env = False
    pages = session.get(f"http://127.0.0.1:{port}/json", timeout=SECONDS).json()
    return next(f"/devtools/page/{page['id']}" for page in pages if page["type"] == "page")
