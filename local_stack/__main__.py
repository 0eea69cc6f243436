"""``python -m local_stack ARGUMENTS…`` runs ``airflow ARGUMENTS…`` against the stack that ``make up`` has started."""

import subprocess
import sys

from local_stack.errors import StackError
from local_stack.session import running_session
from local_stack.settings import REPOSITORY, StackSettings


def main(arguments: list[str]) -> int:
    """Run the command; return its exit status."""
    try:
        session = running_session(StackSettings().home)
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    command = [sys.executable, "-m", "airflow", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, env=session.environment).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
