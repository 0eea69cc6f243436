"""What the tests start listens on the loopback interface alone, as `make demo` and `make up` do (tests/end_to_end)."""

import psutil

from local_stack.processes import open_to_others
from tests.local_aws.server_process import ServerProcess


def test_the_tests_servers_are_not_open_to_others(local_aws, tmp_path):
    with ServerProcess("--data-dir", str(tmp_path / "data")) as server:
        mine = [psutil.Process(), *psutil.Process().children(recursive=True)]

        assert server.pid in {process.pid for process in mine}
        assert open_to_others(mine) == []
