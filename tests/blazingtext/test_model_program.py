import subprocess
import sys

from tests.conftest import REPOSITORY

IMPORT = "import sys, include.blazingtext.model_program, fasttext_pybind; print(*sys.modules)"


def test_it_imports_nothing_that_takes_long():
    """Each endpoint and each evaluation starts it, and waits for it."""
    done = subprocess.run([sys.executable, "-c", IMPORT], cwd=REPOSITORY, capture_output=True, text=True, check=True)

    assert "include.blazingtext.model_file" in done.stdout.split()
    assert not {"numpy", "subprocess", "pathlib", "inspect"} & set(done.stdout.split())
