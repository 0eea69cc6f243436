"""
Orders faults from a local AWS that runs, and reads its request log: ``python -m local_aws.control``.

It is found at AWS_ENDPOINT_URL, or where ``--url`` says.
"""

import argparse
import json
import math
import os
import sys
from typing import Any

import requests

from local_aws.faults import CONNECTION_RESET, PHASES

DEFAULT_URL = "http://127.0.0.1:4566"
EXAMPLES = """
examples:
  the next three CreateEndpoint calls are throttled
    python -m local_aws.control fail CreateEndpoint --error ThrottlingException --times 3
  a tenth of all S3 reads fail, always the same ones for the same order of calls
    python -m local_aws.control fail s3:GetObject --error InternalError --forever --probability 0.1 --seed 7
  the next InvokeEndpoint is answered after two seconds; the one after it loses its connection
    python -m local_aws.control fail InvokeEndpoint --delay 2
    python -m local_aws.control fail InvokeEndpoint --error ConnectionReset
  the next training job whose name begins with aws- fails while it trains
    python -m local_aws.control fail-phase Training --name 'aws-*' --reason 'AlgorithmError: out of memory'
  what has been called
    python -m local_aws.control requests --operation CreateEndpoint
"""


class ControlError(Exception):
    """The local AWS is not there, or has refused; the message says what to do."""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except ControlError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # somebody's `head` has seen enough
        sys.stderr.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local_aws.control",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--url", default=os.environ.get("AWS_ENDPOINT_URL", DEFAULT_URL), help="of the local AWS (default: %(default)s)"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    fail = commands.add_parser("fail", help="make calls fail, be late, or lose their connection")
    fail.add_argument("operation", help="pattern of the operation's name, e.g. CreateEndpoint, 'List*', s3:GetObject")
    fail.add_argument("--error", help=f"the error's code, e.g. ThrottlingException, or {CONNECTION_RESET}")
    fail.add_argument("--message", help="the error's message")
    fail.add_argument("--delay", type=_finite, default=0.0, metavar="SECONDS", help="how late the call is answered")
    _add_common(fail)
    fail.set_defaults(run=_fail)

    fail_phase = commands.add_parser("fail-phase", help="make a job or an endpoint fail in a phase")
    fail_phase.add_argument("phase", choices=PHASES, metavar="PHASE", help=f"one of {', '.join(PHASES)}")
    fail_phase.add_argument("--reason", help="the FailureReason")
    _add_common(fail_phase)
    fail_phase.set_defaults(run=_fail_phase)

    faults = commands.add_parser("faults", help="list the faults that are ordered")
    faults.set_defaults(run=_faults)
    clear = commands.add_parser("clear", help="withdraw all faults, or one")
    clear.add_argument("id", nargs="?", type=int, help="of the one")
    clear.set_defaults(run=_clear)

    log = commands.add_parser("requests", help="print the request log as JSON lines")
    for name in ("service", "operation", "principal", "name", "outcome"):
        log.add_argument(f"--{name}", help=f"only those whose {name} fits this pattern")
    log.add_argument("--limit", type=int, help="the newest so many")
    log.set_defaults(run=_requests)
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", default="*", help="pattern of the resource's name (default: any)")
    times = parser.add_mutually_exclusive_group()
    times.add_argument("--times", type=int, default=1, help="how often it hits (default: %(default)s)")
    times.add_argument("--forever", action="store_true", help="it hits until it is withdrawn")
    parser.add_argument("--probability", type=_finite, default=1.0, help="with which it hits (default: 1)")
    parser.add_argument("--seed", type=int, help="of the probability's random numbers")


def _fail(options: argparse.Namespace) -> None:
    fault = {"operation": options.operation, "error": options.error, "message": options.message}
    _order(options, fault | {"delay_seconds": options.delay})


def _fail_phase(options: argparse.Namespace) -> None:
    _order(options, {"phase": options.phase, "message": options.reason})


def _order(options: argparse.Namespace, fault: dict[str, Any]) -> None:
    fault |= {
        "name": options.name,
        "times": None if options.forever else options.times,
        "probability": options.probability,
        "seed": options.seed,
    }
    _print_lines([_call(options, "POST", "faults", json=fault).json()])


def _faults(options: argparse.Namespace) -> None:
    faults = _call(options, "GET", "faults").json()
    _print_lines([{name: value for name, value in fault.items() if _matters(fault, name)} for fault in faults])
    if not faults:
        print("no faults are ordered", file=sys.stderr)


def _matters(fault: dict[str, Any], name: str) -> bool:
    return name != ("operation" if fault["phase"] else "phase")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{text} is no number that can be used")
    return number


def _clear(options: argparse.Namespace) -> None:
    path = "faults" if options.id is None else f"faults/{options.id}"
    print(f"{_call(options, 'DELETE', path).json()['removed']} withdrawn")


def _requests(options: argparse.Namespace) -> None:
    names = ("service", "operation", "principal", "name", "outcome", "limit")
    filters = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    print(_call(options, "GET", "requests", params=filters).text, end="")


def _call(options: argparse.Namespace, method: str, path: str, **arguments: Any) -> requests.Response:
    url = f"{options.url.rstrip('/')}/_local/{path}"
    try:
        response = requests.request(method, url, timeout=30, **arguments)
    except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema, requests.exceptions.InvalidSchema):
        raise ControlError(f"{options.url} is no URL; it begins with http://") from None
    except requests.RequestException as error:
        raise ControlError(
            f"no local AWS answers at {options.url}: start one with python -m local_aws, or name it with "
            f"--url ({type(error).__name__})"
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
