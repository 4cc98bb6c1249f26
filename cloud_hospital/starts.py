"""Which start of the hospital this is: a session greeted in an older one has to greet again (sync rule 3).

The database may have been put back to a backup while the hospital was down, one taken in the middle of a vehicle's
session. To go on in it would give the numbers of lost receipts out again, and nobody would notice. A greeting compares.
The mark lies beside the epoch log, outside the database and its backups; a worker that dies alone leaves it as it is.
"""

import secrets

from cloud_hospital.folder import HospitalFolder
from sync.durable import write_file


def begin_start(folder: HospitalFolder) -> None:
    """The hospital starts: no session of before stands."""
    write_file(folder.started, secrets.token_hex(8).encode())


def current_start(folder: HospitalFolder) -> str:
    """The mark of the start; empty where workers run without their supervisor."""
    try:
        return folder.started.read_text("ascii")
    except FileNotFoundError:
        return ""
