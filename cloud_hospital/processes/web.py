"""The web process: `python -m cloud_hospital.processes.web DIR`."""

import sys
from pathlib import Path

import uvicorn

from clinic_records.errors import ClinicError
from cloud_hospital.api.app import create_app
from cloud_hospital.broker.ports import ports_of
from cloud_hospital.hospital import open_hospital
from cloud_hospital.web.pages import add_pages


def serve(directory: Path) -> None:
    """Serve pages and interface until stopped.

    Raises:
        StoreError: the database is not there; whoever supervises starts this process again.
    """
    with open_hospital(directory) as hospital:
        ports = ports_of(hospital.folder, hospital.settings)
        # Access logs would put cursors and record ids of every request into the operator's log.
        app = create_app(hospital)
        add_pages(app, hospital)
        uvicorn.run(app, host=ports.web_host, port=ports.web, log_level="warning", access_log=False)


def main(directory: Path) -> int:
    """The process; returns its exit code."""
    try:
        serve(directory)
    except ClinicError as error:
        print(f"web: {error} ({error.hint.en})", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
