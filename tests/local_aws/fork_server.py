"""
Local AWSs as forks of one process that has imported everything, because to import moto takes a second.

Each order is a message on a socket, the server's arguments and environment as JSON, with the file descriptors of its
standard output and error. The answer is the server's PID.
"""

import gc
import json
import os
import signal
import socket
import sys

import moto.s3.responses  # noqa: F401 (moto itself imports it when it is first asked for)
from botocore.loaders import Loader

import tests.quick_clients  # noqa: F401
from local_aws.__main__ import main
from local_aws.server import BACKENDS
from local_aws.service_models import service_model

MAX_ORDER_BYTES = 1_000_000


def run(order: bytes, output: int, errors: int) -> None:
    """Be the server; does not return."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request = json.loads(order)
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv[1:] = request["arguments"]
    for descriptor, standard in ((output, 1), (errors, 2)):
        os.dup2(descriptor, standard)
        os.close(descriptor)
    sys.exit(main())


def serve(orders: socket.socket) -> None:
    """Until the other end is closed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody else waits for servers that have ended
    while True:
        order, descriptors, _, _ = socket.recv_fds(orders, MAX_ORDER_BYTES, 2)
        if not order:
            return
        if (pid := os.fork()) == 0:
            orders.close()
            run(order, *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        orders.send(str(pid).encode())


if __name__ == "__main__":
    service_model()
    Loader().load_data("endpoints")
    for backend in BACKENDS:
        Loader().load_service_model(backend, "service-2")
    gc.freeze()
    serve(socket.socket(fileno=int(sys.argv[1])))
