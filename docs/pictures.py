"""
Take the screenshots in docs/images again: ``make pictures``.

Starts a local AWS and Airflow on free ports, runs the pipeline on the sample tweets, and takes screenshots with
Chromium: of the question that hold_endpoint asks, of the page of all hashtags in Airflow's UI, of the local AWS's page,
and of the run's report.
"""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from hashtag_retrain.operators.hold import MINUTES
from hashtag_retrain.triggers.endpoint import DELETE
from include.config.errors import RetrainError
from include.config.names import Keys, run_name
from include.config.settings import Settings
from include.samples import upload_samples
from local_aws import ADMIN_PATH
from local_stack.airflow_api import FINAL_RUN_STATES, AirflowApi, wait_until
from local_stack.demo import DAG_ID, DATE, HASHTAG, WITHOUT_SCHEDULE
from local_stack.errors import StackError
from local_stack.session import running_session
from local_stack.settings import LOOPBACK_WITHOUT_PROXY, StackSettings
from local_stack.stack import LocalStack

IMAGES = Path(__file__).with_name("images")
CHROMIUM_COMMANDS = ("chromium", "chromium-browser", "google-chrome")
EARLIER_DATES = ("2026-01-05", "2026-01-06")
"""Of the sample tweets: their runs come first, so that the page of all hashtags shows more than one date."""
KEEP_ENDPOINT_MINUTES = 60
SECONDS_TO_RUN = 300
SECONDS_TO_RENDER = 15
"""A page's scripts and requests get so much time, by Chromium's virtual clock."""
SECONDS_FOR_SCREENSHOT = 120


def main() -> int:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # like Ctrl-C, so that all parts are stopped
    os.environ.update(LOOPBACK_WITHOUT_PROXY)
    try:
        with TemporaryDirectory(prefix="pictures-") as folder:
            browser = Browser.find(Path(folder) / "browser")
            settings = StackSettings.on_free_ports(Path(folder) / "airflow", more=WITHOUT_SCHEDULE)
            print("Starting the local AWS and Airflow ...")
            with LocalStack(settings) as stack:
                take_pictures(stack, browser)
    except RetrainError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


@dataclass(frozen=True, slots=True)
class Browser:
    """Headless Chromium."""

    command: str
    profile: Path

    @classmethod
    def find(cls, profile: Path) -> "Browser":
        """
        :raises StackError: there is no Chromium
        """
        for name in CHROMIUM_COMMANDS:
            if command := shutil.which(name):
                return cls(command, profile)
        raise StackError(
            f"There is no Chromium; none of these commands exists: {', '.join(CHROMIUM_COMMANDS)}. Install it, for "
            "example with: apt-get install chromium"
        )

    def screenshot(self, url: str, name: str, width: int, height: int) -> None:
        """
        Save the top of a page as an image in docs/images.

        :raises StackError: Chromium fails, or takes too long
        """
        image = IMAGES / name
        command = [
            self.command,
            "--headless=new",
            "--no-sandbox",
            "--no-proxy-server",
            "--hide-scrollbars",
            f"--user-data-dir={self.profile}",
            f"--window-size={width},{height}",
            f"--virtual-time-budget={SECONDS_TO_RENDER * 1000}",
            f"--screenshot={image}",
            url,
        ]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=SECONDS_FOR_SCREENSHOT)
        except subprocess.CalledProcessError as error:
            raise StackError(f"Chromium cannot take a screenshot of {url}:\n{error.stderr}") from None
        except subprocess.TimeoutExpired:
            raise StackError(f"Chromium took more than {SECONDS_FOR_SCREENSHOT} s for {url}") from None
        print(f"  {image}")


def take_pictures(stack: LocalStack, browser: Browser) -> None:
    """Run the pipeline on the sample tweets, and take each screenshot when its page is ready."""
    settings = Settings.from_environment(stack.environment)
    upload_samples(running_session(stack.settings.home).client("s3"), settings)
    airflow = AirflowApi(stack.settings.airflow_url)
    for date in EARLIER_DATES:
        _finish(airflow, airflow.trigger(DAG_ID, {"date": date, "deploy": "never"}))
    # With early stopping, the local AWS's page shows the accuracy by epoch.
    parameters = {"date": DATE, "keep_endpoint_minutes": KEEP_ENDPOINT_MINUTES, "early_stopping": True}
    run_id = airflow.trigger(DAG_ID, parameters)
    print(f"Running {DAG_ID} for {DATE} ...")
    wait_until(lambda: _is_held(stack, airflow, run_id), SECONDS_TO_RUN, "hold_endpoint deferred")
    task_url = f"{stack.settings.airflow_url}/dags/{DAG_ID}/runs/{quote(run_id)}/tasks/hold_endpoint"
    browser.screenshot(f"{task_url}/required_actions", "hold.png", 1300, 560)
    browser.screenshot(f"{stack.settings.airflow_url}/plugin/hashtags", "hashtags.png", 1300, 760)
    browser.screenshot(f"{stack.settings.local_aws_url}{ADMIN_PATH}", "local-aws.png", 1000, 555)

    airflow.answer(DAG_ID, run_id, "hold_endpoint", DELETE, {MINUTES: KEEP_ENDPOINT_MINUTES})
    _finish(airflow, run_id)
    key = Keys(settings.prefix, HASHTAG, DATE).run(run_name(settings.deployment, DAG_ID, run_id)) + "report.html"
    browser.screenshot(
        f"{stack.settings.local_aws_url}{ADMIN_PATH}objects/{settings.bucket}/{key}", "report.png", 1000, 920
    )


def _finish(airflow: AirflowApi, run_id: str) -> None:
    wait_until(lambda: airflow.run_state(DAG_ID, run_id) in FINAL_RUN_STATES, SECONDS_TO_RUN, "the run's end")


def _is_held(stack: LocalStack, airflow: AirflowApi, run_id: str) -> bool:
    """
    Whether hold_endpoint waits for an answer.

    :raises StackError: a part of the stack has died, or the run has ended
    """
    stack.check()
    state = airflow.run_state(DAG_ID, run_id)
    if state in FINAL_RUN_STATES:
        raise StackError(f"The run ended as {state}, and not at hold_endpoint.")
    return bool(airflow.tasks(DAG_ID, run_id).get("hold_endpoint", {}).get("state") == "deferred")


if __name__ == "__main__":
    sys.exit(main())
