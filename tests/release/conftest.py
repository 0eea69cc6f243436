import io
import os
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from release.__main__ import main

Answers = Mapping[str, Callable[[bytes], str | int]]
"""By path: what to answer to a request's body, a text or the status of an error."""
NOWHERE = "http://127.0.0.1:9/constraints.txt"


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


def release(*arguments: str, **variables: str) -> Done:
    """``python -m release …``, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        for name in [name for name in os.environ if name.startswith("RETRAIN_")]:
            patch.delenv(name)
        for name, value in variables.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["release", *arguments])
        code = main()
    return Done(code, out.getvalue(), err.getvalue())


def make(platform: str, out: Path, *arguments: str, **variables: str) -> dict[str, bytes]:
    """Contents by path; of the files in plugins.zip, by their paths in the folder of plugins."""
    more = ("--constraints", NOWHERE) if platform == "mwaa" and "--constraints" not in arguments else ()
    done = release(platform, "--out", str(out), *more, *arguments, **variables)
    assert done.returncode == 0, done.stderr
    files = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    if "plugins.zip" in files:
        with zipfile.ZipFile(io.BytesIO(files.pop("plugins.zip"))) as archive:
            files |= {f"plugins/{name}": archive.read(name) for name in archive.namelist()}
    return files


@pytest.fixture
def serve() -> Iterator[Callable[[Answers], str]]:
    """Starts a web site, and returns its address."""
    with ExitStack() as servers:

        def start(answers: Answers) -> str:
            class Handler(BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                    answer = answers[self.path](body) if self.path in answers else 404
                    self.send_response(200 if isinstance(answer, str) else answer)
                    self.end_headers()
                    self.wfile.write(answer.encode() if isinstance(answer, str) else b"")

                do_POST = do_GET  # noqa: N815 (the interface of http.server)

                def log_message(self, *arguments: object) -> None:
                    pass

            server = servers.enter_context(HTTPServer(("127.0.0.1", 0), Handler))
            servers.callback(server.shutdown)
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            return f"http://127.0.0.1:{server.server_port}"

        yield start
