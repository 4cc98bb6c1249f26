"""`clinic` commands in this process, where the command line itself is not what is tested: each start costs a second."""

import os

from typer.testing import CliRunner

from clinic_records.errors import ClinicError
from commands.app import app
from commands.demo.program import Ended

RUNNER = CliRunner()


def typed(*words: object, stdin: str = "") -> Ended:
    """What the command printed.

    Raises:
        ClinicError: it was refused.
    """
    before = os.umask(0o077)  # as the command line does
    try:
        done = RUNNER.invoke(app, [str(word) for word in words], input=stdin)
    finally:
        os.umask(before)
    if isinstance(done.exception, ClinicError):
        raise done.exception
    assert done.exit_code == 0, (words, done.output, done.exception)
    return Ended(done.stdout, done.stderr)
