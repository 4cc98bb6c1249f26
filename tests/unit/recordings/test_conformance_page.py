"""The conformance table: what counts as equal, what must be explained, and that the page names every format."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.conformance.ours import Verdict, verdict
from benchmarks.conformance.page import Explanation, Row, explanations, page, unexplained
from benchmarks.conformance.told import Comparison, Told, compare
from recordings.signal import DecodedRecording, Signal

OURS = DecodedRecording(
    "made", patient={"name": "王秀英"}, signals=(Signal("I", "uV", 500, np.array([1.0, np.nan, 2.5])),)
)


@pytest.mark.parametrize(
    ("told", "is_equal", "words"),
    [
        (Told({"I": ("mV", np.array([0.001, np.nan, 0.0025]))}), True, "1 of 1 channels, max difference 0"),
        (Told({"I": ("uV", np.array([1.0, np.nan, 2.50002]))}), True, "max difference 2e-05"),
        (Told({"I": ("uV", np.array([1.0, np.nan, 2.6]))}), False, "samples differ by up to 0.1 uV"),
        (Told({"I": ("uV", np.array([1.0, 0.0, 2.5]))}), False, "samples differ"),
        (Told({"I": ("uV", np.array([1.0]))}), False, "I: 1 samples there, 3 samples here"),
        (Told({"V9": ("uV", np.array([1.0]))}), False, "V9: 1 samples there, no such channel here"),
        (Told(facts={"name": "王秀英"}), True, "name"),
        (Told(facts={"name": "Wang"}), False, "name: 'Wang' there, '王秀英' here"),
    ],
)
def test_what_is_equal(told: Told, is_equal: bool, words: str) -> None:
    found = compare("reader", told, OURS, 6)
    assert found.is_equal == is_equal
    assert words in (found.compared if is_equal else found.differs)


def test_difference_is_explained_or_reported() -> None:
    differs = Comparison("biosig", "", "samples differ | by much", is_equal=False)
    rows = [Row("a/b.scp", Verdict(Path("b.scp"), (OURS,), ""), (differs, Comparison("other", "12 channels")))]
    assert unexplained(rows, ()) == ["a/b.scp: biosig: samples differ | by much"]
    reasons = (Explanation("c/*", "*", "no"), Explanation("a/*", "biosig", "Because."))
    assert unexplained(rows, reasons) == []
    text = page(rows, reasons, ["biosig 1"])
    assert "biosig: samples differ \\| by much (explained in 1)<br>other: 12 channels: equal |" in text
    assert text.endswith("1. Because.\n")
    assert "NOT EXPLAINED" in page(rows, (), [])


def test_refusal_is_a_verdict(tmp_path: Path, small_scp: bytes) -> None:
    file = tmp_path / "a.scp"
    file.write_bytes(small_scp[:-1])
    assert verdict(file).words().startswith("refused: SCP-ECG: record header")
    file.write_bytes(small_scp)
    assert verdict(file).words() == "decoded: 12 channels of 1000 samples at 500 Hz, 3 numbers"


def test_every_explanation_has_a_reason() -> None:
    assert all(one.file and one.reader and len(one.why) > 20 for one in explanations())


def test_page_names_every_real_file(shared_data: Path) -> None:
    text = (Path(__file__).parents[3] / "docs/devices/CONFORMANCE.md").read_text("utf-8")
    folder = shared_data / "devices"
    names = {f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file() and f.name != "MANIFEST.tsv"}
    assert [name for name in sorted(names) if f"| {name} |" not in text] == []
    assert "NOT EXPLAINED" not in text
