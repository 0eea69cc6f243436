"""
Order faults from a running local AWS, and print its request log: ``python -m local_aws.control``.

The local AWS is the one at AWS_ENDPOINT_URL, or at ``--url``.
"""

import argparse
import json
import math
import os
import sys
from typing import Any

import requests

from local_aws import ADMIN_PATH, HOST, PORT
from local_aws.faults import CONNECTION_RESET, NO_ANSWER, PHASES, UNHEALTHY

DEFAULT_URL = f"http://{HOST}:{PORT}"
FILTERS = ("service", "operation", "principal", "name", "outcome")
EXAMPLES = """
examples:
  throttle the next three CreateEndpoint calls
    python -m local_aws.control fail CreateEndpoint --error ThrottlingException --times 3
  let one of ten S3 reads fail; the same seed hits the same calls
    python -m local_aws.control fail s3:GetObject --error InternalError --forever --probability 0.1 --seed 7
  answer the next InvokeEndpoint after two seconds, and close the connection of the one after it
    python -m local_aws.control fail InvokeEndpoint --delay 2
    python -m local_aws.control fail InvokeEndpoint --error ConnectionReset
  let the next training job whose name starts with aws- fail while it trains
    python -m local_aws.control fail-phase Training --name 'aws-*' --reason 'AlgorithmError: out of memory'
  let the container of a model answer every third request with status 500, or never become healthy
    python -m local_aws.control fail-model 'aws-2019-*' --error 500 --forever --probability 0.3
    python -m local_aws.control fail-model 'aws-2019-*' --error Unhealthy
  print all CreateEndpoint calls
    python -m local_aws.control requests --operation CreateEndpoint
"""


class ControlError(Exception):
    """The local AWS does not answer, or it refuses a request. The message says what to do."""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except ControlError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of the output, for example head, has ended
        sys.stderr.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local_aws.control",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    url = os.environ.get("AWS_ENDPOINT_URL", DEFAULT_URL)
    parser.add_argument("--url", default=url, help="URL of the local AWS (default: %(default)s)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    fail = commands.add_parser("fail", help="let calls fail, be slow, or lose their connection")
    fail.add_argument("operation", help="pattern of the operation's name, e.g. CreateEndpoint, 'List*', s3:GetObject")
    fail.add_argument("--error", help=f"the error's code, e.g. ThrottlingException, or {CONNECTION_RESET}")
    fail.add_argument("--message", help="the error's message")
    fail.add_argument("--delay", type=_finite, default=0.0, metavar="SECONDS", help="answer the call this much later")
    fail.add_argument("--name", default="*", help="pattern of the resource's name (default: any)")
    _add_common(fail)
    fail.set_defaults(run=_fail)

    fail_phase = commands.add_parser("fail-phase", help="let a job or an endpoint fail in a phase")
    fail_phase.add_argument("phase", choices=PHASES, metavar="PHASE", help=f"one of {', '.join(PHASES)}")
    fail_phase.add_argument("--reason", help="the FailureReason")
    fail_phase.add_argument("--name", default="*", help="pattern of the resource's name (default: any)")
    _add_common(fail_phase)
    fail_phase.set_defaults(run=_fail_phase)

    fail_model = commands.add_parser("fail-model", help="let a model's container fail, be slow, or not answer")
    fail_model.add_argument("model", help="pattern of the model's name")
    fail_model.add_argument("--error", help=f"a status from 400 to 599, {UNHEALTHY} or {NO_ANSWER}")
    fail_model.add_argument("--message", help="the container's message")
    fail_model.add_argument("--delay", type=_finite, default=0.0, metavar="SECONDS", help="answer this much later")
    _add_common(fail_model)
    fail_model.set_defaults(run=_fail_model)

    faults = commands.add_parser("faults", help="list the ordered faults")
    faults.set_defaults(run=_faults)
    clear = commands.add_parser("clear", help="withdraw all faults, or one")
    clear.add_argument("id", nargs="?", type=int, help="id of the one fault to withdraw")
    clear.set_defaults(run=_clear)

    log = commands.add_parser("requests", help="print the request log as JSON lines")
    for name in FILTERS:
        log.add_argument(f"--{name}", help=f"pattern of the {name}; other entries are left out")
    log.add_argument("--limit", type=int, help="print only the newest entries, this many")
    log.set_defaults(run=_requests)
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    times = parser.add_mutually_exclusive_group()
    times.add_argument("--times", type=int, default=1, help="how often the fault hits (default: %(default)s)")
    times.add_argument("--forever", action="store_true", help="let the fault hit until it is withdrawn")
    parser.add_argument(
        "--probability", type=_finite, default=1.0, help="the probability of a hit, for each call (default: 1)"
    )
    parser.add_argument("--seed", type=int, help="seed for the random numbers of --probability")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{text} is not a finite number")
    return number


def _fail(options: argparse.Namespace) -> None:
    fault = {"operation": options.operation, "name": options.name, "error": options.error, "message": options.message}
    _order(options, fault | {"delay_seconds": options.delay})


def _fail_phase(options: argparse.Namespace) -> None:
    _order(options, {"phase": options.phase, "name": options.name, "message": options.reason})


def _fail_model(options: argparse.Namespace) -> None:
    fault = {"model": options.model, "error": options.error, "message": options.message}
    _order(options, fault | {"delay_seconds": options.delay})


def _order(options: argparse.Namespace, fault: dict[str, Any]) -> None:
    fault |= {
        "times": None if options.forever else options.times,
        "probability": options.probability,
        "seed": options.seed,
    }
    _print_lines([_call(options, "POST", "faults", json=fault).json()])


def _faults(options: argparse.Namespace) -> None:
    faults = _call(options, "GET", "faults").json()
    for fault in faults:
        if fault["phase"] or fault["model"]:
            del fault["operation"]
    _print_lines(faults)
    if not faults:
        print("no faults are ordered", file=sys.stderr)


def _clear(options: argparse.Namespace) -> None:
    path = "faults" if options.id is None else f"faults/{options.id}"
    print(f"{_call(options, 'DELETE', path).json()['removed']} withdrawn")


def _requests(options: argparse.Namespace) -> None:
    given = {name: getattr(options, name) for name in (*FILTERS, "limit")}
    filters = {name: value for name, value in given.items() if value is not None}
    print(_call(options, "GET", "requests", params=filters).text, end="")


def _call(options: argparse.Namespace, method: str, path: str, **arguments: Any) -> requests.Response:
    url = f"{options.url.rstrip('/')}{ADMIN_PATH}{path}"
    try:
        response = requests.request(method, url, timeout=30, **arguments)
    except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema, requests.exceptions.InvalidSchema):
        raise ControlError(f"{options.url} is not a URL; a URL starts with http://") from None
    except requests.RequestException as error:
        raise ControlError(
            f"no local AWS answers at {options.url} ({type(error).__name__}); start one with python -m local_aws, or "
            "give its URL with --url"
        ) from None
    if not response.ok:
        try:
            reason = response.json()["error"]
        except (ValueError, KeyError):
            reason = f"{url} answers {response.status_code}; is it a local AWS?"
        raise ControlError(reason)
    return response


def _print_lines(entries: list[dict[str, Any]]) -> None:
    for entry in entries:
        print(json.dumps({name: value for name, value in entry.items() if value is not None}))


if __name__ == "__main__":
    sys.exit(main())
