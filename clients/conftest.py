"""A local AWS in a process of the product's own environment, for clients in theirs."""

import os
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

CLIENTS = Path(__file__).parent
REPOSITORY = CLIENTS.parent
ROLE = "arn:aws:iam::123456789012:role/sagemaker"
TWEETS = b"__label__technical kernel lambda latency\n__label__marketing webinar coupon discount\n" * 40


@pytest.fixture(scope="session", autouse=True)
def local_aws() -> Iterator[str]:
    """Its address, which every client finds in the environment."""
    command = [str(REPOSITORY / ".venv" / "bin" / "python"), "-m", "local_aws", "--port", "0"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split("ready on ")[1].strip()
        for line in process.stdout:
            if "AWS_SECRET_ACCESS_KEY" in line:  # the last line of the banner
                break
        os.environ.update(
            AWS_ENDPOINT_URL=url,
            AWS_DEFAULT_REGION="us-east-1",
            AWS_ACCESS_KEY_ID="local",
            AWS_SECRET_ACCESS_KEY="local",
            SAGEMAKER_USER_CONFIG_OVERRIDE=str(CLIENTS / "sagemaker_2" / "sagemaker.yaml"),
        )
        yield url
        process.terminate()


@pytest.fixture(scope="session", autouse=True)
def _short_pauses() -> Iterator[None]:
    """
    Shorten the pauses of the SDKs, which ask AWS for a status every 5 to 30 seconds. Their clock goes on by the whole
    pause, because while an SDK follows a log it asks for the status when 30 seconds are over.
    """
    sleep, clock, skipped = time.sleep, time.time, 0.0

    def pause(seconds: float) -> None:
        nonlocal skipped
        short = min(seconds, 0.2)
        skipped += seconds - short
        sleep(short)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "sleep", pause)
        patch.setattr(time, "time", lambda: clock() + skipped)
        yield


@pytest.fixture
def in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Notebooks write to the working directory."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"client-{uuid.uuid4().hex[:8]}-{int(time.time())}"
