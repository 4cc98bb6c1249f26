"""What the command line sets before anything else."""

import subprocess
import sys

PROBE = """
import os, resource, sys
sys.argv = ["clinic", "device", "list", "--json"]
from commands import app
try:
    app.run()
except SystemExit:
    pass
print(oct(os.umask(0)), resource.getrlimit(resource.RLIMIT_CORE), file=sys.stderr)
"""


def test_files_are_the_owners_alone_and_no_core_is_left() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr.split("\n")[0] == "0o77 (0, 0)"
