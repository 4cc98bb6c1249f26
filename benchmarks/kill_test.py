"""kill -9 over agent, listener, broker, worker, web and the hospital's supervisor, while a clinic works.

    python -m benchmarks.kill_test [--cycles 200] [--seed 1] [--ledger FILE] [--budget-s 0]

A batch of cycles is one lab. In each cycle the nurse registers somebody, opens an encounter, devices deliver, and one
process is killed at a random moment; what was not acknowledged is tried again, as people and devices do. At the end of
a batch what devices and the nurse were *told* is compared with what the hospital *holds*. Batches are resumable: the
ledger has one line a batch, and those seeds are not run again.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydicom.dataset import Dataset

from benchmarks.told import Told, Verdict, judge
from clinic_records.errors import ClinicError, Conflict
from clinic_records.ids import sha256_hex
from commands.demo.lab import Lab, wait_for
from devices.simulators import ecg_dicom, ultrasound
from devices.simulators.ecg_scp import scp_record

TARGETS: Final = ("agent", "listener", "broker", "urgent", "worker", "web", "hospital")
BATCH: Final = 20
PATIENCE_S: Final = 60.0
RATE: Final = 8e6
"""Bits a second each way: a loop takes most of a second on the road, an ECG a fraction."""
LEDGER: Final = Path(__file__).parent / "ledgers" / "kill.jsonl"


class Modality(NamedTuple):
    """A DICOM device of the lab."""

    device: str
    ae_title: str
    code: str
    examination: Callable[[Dataset], Dataset]


ECG: Final = Modality("ecg2", "ECG1", "ECG", ecg_dicom.examination)
ULTRASOUND: Final = Modality("us1", "US1", "US", ultrasound.examination)
ULTRASOUND_EVERY: Final = 5
"""Visits between two loops of 6.9 MB, so that kills also meet a long transfer."""


class Batch:
    """Some cycles on one lab, all from one seed."""

    def __init__(self, lab: Lab, seed: int) -> None:
        self._lab = lab
        self._random = random.Random(seed)  # noqa: S311 - a seed to repeat, not a secret
        self.told = Told()
        self.kills: Counter[str] = Counter()
        self._serial = 0

    def run(self, cycles: int) -> Verdict:
        """Work, kill, work on; then wait until all is received and judge."""
        self._lab.set_up()
        self._lab.publish_schedule()
        self._lab.agent.start()
        self._lab.unlock()
        self._surely(lambda: self._lab.desk("open_stop"))
        for _ in range(cycles):
            self._cycle()
        self.settle()
        return self._verdict()

    def settle(self) -> None:
        """Wait until all is received.

        Raises:
            ClinicError: it is not, long after it should be.
        """
        self._surely(lambda: wait_for("everything received", self._all_received, PATIENCE_S))

    def _verdict(self) -> Verdict:
        verdict: Verdict = self._surely(lambda: judge(self._lab, self.told))  # the pages may be down from the last kill
        return verdict

    def _cycle(self) -> None:
        target = self._random.choice(TARGETS)
        delay_s = self._random.uniform(0.0, 1.2)
        killer = threading.Thread(target=self._kill_later, args=(target, delay_s))
        killer.start()
        self._visit()
        killer.join()
        self._restore()

    def _kill_later(self, target: str, delay_s: float) -> None:
        time.sleep(delay_s)
        if self._lab.kill(target):
            self.kills[target] += 1

    def _restore(self) -> None:
        """What systemd does for the two programs, and the nurse's PIN; a kill may come in the middle of it, too."""
        wait_for("the vehicle open again", self._is_restored, PATIENCE_S, every_s=0.2)

    def _is_restored(self) -> bool | None:
        try:
            for program in (self._lab.hospital, self._lab.agent):
                if not program.pid:
                    program.start()
            self._lab.unlock()
        except (ClinicError, OSError):
            return None
        return True

    def _visit(self) -> None:
        self._serial += 1
        name = f"村民{self._serial:04d}"
        patient = self._surely(lambda: self._register(name))
        self.told.saved.add(f"patient {patient}")
        encounter = self._surely(lambda: self._open(patient))
        self.told.saved.add(f"encounter {encounter}")
        self._ecg_on_the_line(encounter, name)
        self._by_dicom(encounter, name, ECG)
        if self._serial % ULTRASOUND_EVERY == 0:
            self._by_dicom(encounter, name, ULTRASOUND)
        self._surely(lambda: self._finish(encounter))

    def _register(self, name: str) -> str:
        found = [each for each in self._lab.desk("search", text=name) if each["name"] == name]
        return str((found[0] if found else self._lab.register(name, "female", "1959-03-08"))["id"])

    def _open(self, patient: str) -> str:
        for row in self._lab.desk("today")["queue"]:
            if row["patient"]["id"] == patient:
                return str(row["encounter"]["id"])
        return str(self._lab.desk("open_encounter", patient_id=patient, reason="随访")["id"])

    def _finish(self, encounter: str) -> None:
        if self._lab.desk("encounter", encounter_id=encounter)["encounter"]["status"] != "finished":
            self._lab.desk("finish", encounter_id=encounter)

    def _ecg_on_the_line(self, encounter: str, name: str) -> None:
        """No acknowledgement on this line: the nurse looks, and has the cart send again what did not come."""
        record = scp_record(name=name, patient_id=f"{self._serial}", sex="F")
        digest = sha256_hex(record)
        self.told.offered.add(digest)

        def send_and_see() -> bool:
            self._lab.desk("arm", device="ecg1", encounter_id=encounter)
            self._lab.ecg.send(record, wait_s=5)
            return wait_for("the ECG", lambda: self._shows(digest) or None, 5)

        self._surely(send_and_see)
        self.told.shown.add(digest)

    def _shows(self, digest: str) -> bool:
        views = list(self._lab.desk("unbound"))
        for row in self._lab.desk("today")["queue"]:
            if row["recordings"]:
                views += self._lab.desk("encounter", encounter_id=row["encounter"]["id"])["recordings"]
        return any(view["recording"]["reading"]["raw"]["sha256"] == digest for view in views)

    def _by_dicom(self, encounter: str, name: str, modality: Modality) -> None:
        """The device keeps its object until it is told yes, and sends the same object again."""
        self._surely(lambda: self._lab.desk("arm", device=modality.device, encounter_id=encounter))
        scanner = self._lab.dicom_device(modality.ae_title)
        entry = self._surely(lambda: scanner.pick(name=name, modality=modality.code))
        made = modality.examination(entry)

        def store() -> bool:
            seen = scanner.store(made)
            self.told.offered.add(seen.sha256)
            if seen.acknowledged:
                self.told.stored.add(seen.sha256)
            return seen.acknowledged or _raise(seen.detail)

        self._surely(store)

    def _all_received(self) -> bool | None:
        status = self._lab.desk("status")
        total = status["sync"]["total"]
        waits = total["queued"] + total["sending"] + status["inbox"]
        return waits == 0 or None

    def _surely(self, do: Callable[[], Any]) -> Any:
        """Try until it is answered with yes, bringing back what was killed; people do no less."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return do()
            except Conflict:
                raise
            except (ClinicError, OSError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
                self._restore()


def _raise(detail: str) -> bool:
    raise ClinicError(detail)


def run_batch(seed: int, cycles: int) -> dict[str, Any]:
    """One batch in a lab of its own; its line for the ledger."""
    root = Path(tempfile.mkdtemp(prefix="kill-"))
    lab = Lab(root, up_bits_per_s=RATE, down_bits_per_s=RATE, delay_s=0.01)
    started = time.monotonic()
    try:
        batch = Batch(lab, seed)
        verdict = batch.run(cycles)
    finally:
        lab.tear_down()
    if verdict.is_clean:
        shutil.rmtree(root, ignore_errors=True)
    else:
        print(f"what went wrong is kept in {root}: {verdict}\n{verdict.__dict__}", file=sys.stderr)
    return {
        "seed": seed,
        "cycles": cycles,
        "kills": dict(sorted(batch.kills.items())),
        "told": len(batch.told),
        "lost": len(verdict.lost),
        "duplicated": len(verdict.duplicated),
        "altered": len(verdict.altered),
        "phantom": len(verdict.phantom),
        "seconds": round(time.monotonic() - started),
    }


def main() -> int:
    """Run what the ledger lacks; 0 when no batch ever lost, doubled, altered or invented anything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ledger", type=Path, default=LEDGER)
    parser.add_argument("--budget-s", type=float, default=0, help="stop after the batch that passes this; 0: no limit")
    asked = parser.parse_args()
    asked.ledger.parent.mkdir(parents=True, exist_ok=True)
    done = [json.loads(line) for line in asked.ledger.read_text().splitlines()] if asked.ledger.exists() else []
    seed = max([asked.seed, *(line["seed"] + 1 for line in done)])
    started = time.monotonic()
    while sum(line["cycles"] for line in done) < asked.cycles:
        if asked.budget_s and time.monotonic() - started > asked.budget_s:
            break
        left = asked.cycles - sum(line["cycles"] for line in done)
        line = run_batch(seed, min(BATCH, left))
        with asked.ledger.open("a", encoding="ascii") as ledger:
            ledger.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)
        done.append(line)
        seed += 1
    sums = {
        key: sum(line[key] for line in done) for key in ("cycles", "told", "lost", "duplicated", "altered", "phantom")
    }
    kills: Counter[str] = Counter()
    for line in done:
        kills.update(line["kills"])
    print(
        f"kill -9 cycles: {sums['cycles']} of {asked.cycles}, seeds {done[0]['seed'] if done else seed} to {seed - 1}, "
        f"{sum(kills.values())} kills {dict(kills)}; {sums['told']} acknowledgements checked: "
        f"{sums['lost']} lost, {sums['duplicated']} duplicated, {sums['altered']} altered, {sums['phantom']} phantom"
    )
    wrong = sums["lost"] + sums["duplicated"] + sums["altered"] + sums["phantom"]
    return 1 if wrong or sums["cycles"] < asked.cycles else 0


if __name__ == "__main__":
    sys.exit(main())
