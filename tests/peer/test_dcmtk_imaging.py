"""Pictures, reports and names of DICOM beside DCMTK's own reading of them."""

import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file

from clinic_records.ids import DeviceId
from devices.dicom.node import DicomNode
from devices.dicom.settings import DicomSettings, Peer
from devices.dicom.worklist import WorklistItem
from devices.interpret import interpret
from devices.simulators import imaging
from recordings.dicom.image import open_image
from recordings.person_name import person_name
from tests.unit.devices.arrivals import Arrivals

pytestmark = pytest.mark.peer

NeedProgram = Callable[[str], str]
ITEM = WorklistItem(
    "A1", "P1", "张伟", "M", date(1950, 2, 3), "1.2.3.1", "US", "", datetime(2026, 11, 23, 1, tzinfo=UTC)
)


class Clinic(Arrivals):
    """A node that keeps what it is given."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        settings = DicomSettings(peers=(Peer("US1", DeviceId("us-1")),), host="127.0.0.1", port=0)
        self.node = DicomNode(settings, lambda: [ITEM], self.begin)
        self.port = self.node.start()
        self.call = ("-aet", "US1", "-aec", "CLINIC", "127.0.0.1", self.port)


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(tmp_path)
    yield made
    made.node.stop()


def run(*words: object) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return (done.stdout + done.stderr).decode("utf-8", "replace")


def fundus(folder: Path) -> Path:
    file = folder / "fundus.dcm"
    imaging.examination("fundus", None).save_as(file, enforce_file_format=True)
    return file


@pytest.mark.parametrize(
    ("coder", "options", "proposal", "syntax"),
    [
        ("dcmcjpeg", ("+e1",), "-xs", "70"),
        ("dcmcjpeg", ("+el",), "-xs", "57"),
        ("dcmcjpls", ("+el",), "-xt", "80"),
        ("dcmcrle", (), "-xr", ""),
    ],
)
def test_lossless_objects_of_dcmtk_show_the_same_pixels(
    clinic: Clinic, need_program: NeedProgram, coder: str, options: tuple[str, ...], proposal: str, syntax: str,
    tmp_path: Path,
) -> None:  # fmt: skip
    plain, coded = fundus(tmp_path), tmp_path / "coded.dcm"
    run(need_program(coder), *options, plain, coded)
    if syntax == "57":  # storescu's proposals have no word for it: it is read from the file
        np.testing.assert_array_equal(open_image(coded.read_bytes()).frame(0), open_image(plain.read_bytes()).frame(0))
        return
    assert "Success" in run(need_program("storescu"), "-v", proposal, *clinic.call, coded)
    ((_, kept),) = clinic.kept
    assert str(pydicom.dcmread(kept).file_meta.TransferSyntaxUID).endswith(syntax or "1.2.5")
    np.testing.assert_array_equal(open_image(kept.read_bytes()).frame(0), open_image(plain.read_bytes()).frame(0))


def test_deflated_report_arrives_and_is_read(
    clinic: Clinic, need_program: NeedProgram, shared_data: Path, tmp_path: Path
) -> None:
    deflated = tmp_path / "deflated.dcm"
    run(need_program("dcmconv"), "+td", shared_data / "devices/dicom_sr/test-SR.dcm", deflated)
    assert "Success" in run(need_program("storescu"), "-v", "-xd", *clinic.call, deflated)
    ((delivery, kept),) = clinic.kept
    assert str(pydicom.dcmread(kept).file_meta.TransferSyntaxUID) == "1.2.840.10008.1.2.1.99"
    (reading,) = interpret(delivery, kept)
    assert [str(one.quantity) for one in reading.numerics] == ["3\N{NO-BREAK SPACE}cm"] * 2


def test_grey_levels_are_those_of_dcmtk(need_program: NeedProgram, shared_data: Path, tmp_path: Path) -> None:
    chest = tmp_path / "chest.dcm"
    imaging.examination("xray-dr", None).save_as(chest, enforce_file_format=True)
    extended = Path(str(get_testdata_file("JPGExtended.dcm", download=False)))
    for file, window in (
        (chest, "+Wi"),
        (extended, "+Wm"),
        (shared_data / "devices/dicom_dr/highdicom__dx_image.dcm", "+Wi"),
        (shared_data / "devices/dicom_us/US1_UNCI.dcm", "-W"),
    ):
        dataset = pydicom.dcmread(file)
        has_window = "WindowCenter" in dataset
        options = ("1",) if window == "+Wi" and has_window else ()
        way = window if window != "+Wi" or has_window else "+Wm"
        run(need_program("dcmj2pnm"), "+on", way, *options, file, tmp_path / "theirs.png")
        theirs = np.asarray(Image.open(tmp_path / "theirs.png").convert("RGB")).astype(int)
        ours = np.asarray(Image.open(BytesIO(open_image(file.read_bytes()).png(0))).convert("RGB")).astype(int)
        assert np.abs(theirs - ours).max() <= 2, file.name


def test_dsrdump_reads_the_report_our_simulator_makes(need_program: NeedProgram, tmp_path: Path) -> None:
    file = tmp_path / "report.dcm"
    imaging.examination("ultrasound-cardiac", None).save_as(file, enforce_file_format=True)
    said = run(need_program("dsrdump"), file)
    assert "Adult Echocardiography Procedure Report" in said
    assert re.search(r'NUM:\(,,"Left Ventricular Ejection Fraction"\)="62" \(%,UCUM,"%"\)', said), said


@pytest.mark.parametrize("charset", ["ISO_IR 192", "GB18030", "GBK", "\\ISO 2022 IR 58"])
def test_findscu_asks_and_is_answered_in_its_own_character_set(
    clinic: Clinic, need_program: NeedProgram, charset: str, tmp_path: Path
) -> None:
    keys = [f"SpecificCharacterSet={charset}", "PatientName=", "PatientID=P1", "PatientBirthDate=19500101-19501231"]
    words = [word for key in keys for word in ("-k", key)]
    run(need_program("findscu"), "-W", "-X", "-od", tmp_path, *words, *clinic.call)
    (answer,) = tmp_path.glob("rsp*.dcm")
    found = pydicom.dcmread(answer, force=True)
    spoken = found.SpecificCharacterSet
    assert (spoken if isinstance(spoken, str) else "\\".join(spoken)) == charset
    assert person_name(found) == ("张伟", "")
    # and by DCMTK's own converter
    if charset != "GBK":  # Debian's DCMTK knows no GBK alone
        assert "张伟" in run(need_program("dcmdump"), "+U8", "-q", answer)
