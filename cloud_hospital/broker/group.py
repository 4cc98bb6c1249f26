"""The secret name of the workers' shared subscription.

mosquitto 2.0 grants anybody `$share/<group>/...` and looks at the access list at delivery only: a vehicle that knew the
name would take messages of others out of the workers' hands, acknowledged and gone (sync rule 18). So nobody knows it.
"""

import secrets
from pathlib import Path

from cloud_hospital.folder import HospitalFolder
from sync.durable import write_file


def shared_group(folder: HospitalFolder) -> str:
    """The name, 32 hex digits, made where there is none yet; it changes at every revocation, so look again.

    While it changes, workers of both names hear everything: twice is harmless, intake is idempotent.
    """
    path = _path(folder)
    return path.read_text(encoding="ascii") if path.exists() else rotate_group(folder)


def rotate_group(folder: HospitalFolder) -> str:
    """A fresh name, durable on return."""
    name = secrets.token_hex(16)
    write_file(_path(folder), name.encode())
    return name


def _path(folder: HospitalFolder) -> Path:
    return folder.keys / "shared-group"
