"""Seconds from the end of a C-STORE, as the device sees it, to the reading on the nurse's open page."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx

from benchmarks.lab import working_lab
from clinic_records.errors import ClinicError
from commands.demo.lab import PIN, STAFF, Lab
from devices.simulators.ultrasound import examination


class _Page:
    """The encounter's page as a browser holds it: one stream, whole leaves."""

    def __init__(self, client: httpx.Client, encounter: str) -> None:
        self._client = client
        self._encounter = encounter
        self._seen: list[tuple[float, str]] = []
        self._open = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        self._open.wait(10)

    def _read(self) -> None:
        with (
            suppress(httpx.HTTPError),  # the stream ends with the measurement
            self._client.stream("GET", f"/live?page=enc:{self._encounter}", timeout=None) as stream,
        ):
            for line in stream.iter_lines():
                if line.startswith("event: beat"):
                    self._open.set()
                self._seen.append((time.monotonic(), line))

    def when_shown(self, text: str, timeout_s: float = 20) -> float:
        """The moment at which the stream brought `text`."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            for at, line in list(self._seen):
                if text in line:
                    return at
            time.sleep(0.002)
        raise ClinicError(f"the page did not show {text} within {timeout_s} s")


@contextmanager
def logged_in(lab: Lab) -> Iterator[httpx.Client]:
    """A nurse's browser.

    Raises:
        ClinicError: she could not log in.
    """
    base = f"http://127.0.0.1:{lab.page_port}"
    with httpx.Client(base_url=base, headers={"Origin": base}) as client:
        if client.post("/login", data={"staff": STAFF, "pin": PIN, "next": "/"}).status_code != httpx.codes.SEE_OTHER:
            raise ClinicError("the nurse could not log in")
        yield client


def measure(times: int) -> list[float]:
    """`times` ultrasound loops of 6.9 MB, one after the other; seconds each."""
    with working_lab() as lab, logged_in(lab) as client:
        patient = lab.register("测时", "female", "1959-03-08")
        encounter = lab.desk("open_encounter", patient_id=patient["id"], reason="测时")["id"]
        lab.desk("arm", device="us1", encounter_id=encounter)
        device = lab.dicom_device("US1")
        entry = device.pick(name="测时", modality="US")
        page = _Page(client, encounter)
        delays = []
        known: set[str] = set()
        for _ in range(times):
            made = examination(entry)
            seen = device.store(made)
            ended = time.monotonic()
            if not seen.acknowledged:
                raise ClinicError(f"the vehicle did not take the object: {seen.detail}")
            recording = _new_recording(lab, encounter, known)
            known.add(recording)
            delays.append(page.when_shown(recording) - ended)
        return delays


def _new_recording(lab: Lab, encounter: str, known: set[str]) -> str:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for view in lab.desk("encounter", encounter_id=encounter)["recordings"]:
            if view["recording"]["id"] not in known:
                return str(view["recording"]["id"])
        time.sleep(0.005)
    raise ClinicError("the recording did not arrive")
