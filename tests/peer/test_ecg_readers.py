"""ECG and DICOM files against programs of others: biosig, sierraecg, ecgdatakit, DCMTK, pydicom; all values equal."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest
from pydicom.sequence import Sequence
from pydicom.uid import UID

from benchmarks.conformance import dicom_readers, ecg_readers
from benchmarks.conformance.told import Told, Unread, compare
from clinic_records.clock import CHINA
from devices.simulators.ecg_files import examination, holter_file
from devices.simulators.ecg_xml import aecg_file, muse_file, sierra_file
from devices.simulators.objects import ecg_object
from recordings.decode import decode

pytestmark = pytest.mark.peer

TAKEN = datetime(2026, 11, 23, 9, 41, 7, tzinfo=CHINA)
Reader = Callable[[Path], Told]


def agree(read: Reader, file: Path, *, digits: int = 9, channels: int = 0) -> None:
    """The reader gives the same samples and facts; at least `channels` channels."""
    told = read(file)
    found = compare("reader", told, decode(file.read_bytes(), file.name), digits)
    assert found.is_equal, found.differs
    assert len(told.channels) >= channels


@pytest.fixture
def elsewhere() -> None:
    """The Python readers in an environment of their own."""
    try:
        ecg_readers.python()
    except Unread as error:
        pytest.skip(f"the readers could not be installed: {error}")


@pytest.mark.parametrize("name", ["ECGToolkit__Example", "aecg-python__subject1_0", "aecg-python__minimum_aecg"])
def test_biosig_reads_real_aecg(need_program: Callable[[str], str], shared_data: Path, name: str) -> None:
    need_program("save2gdf")
    channels = 1 if "minimum" in name else 12
    agree(ecg_readers.biosig, shared_data / f"devices/aecg/{name}.xml", digits=6, channels=channels)


def test_biosig_reads_the_aecg_we_write(need_program: Callable[[str], str], tmp_path: Path) -> None:
    need_program("save2gdf")
    file = tmp_path / "made.xml"
    file.write_bytes(aecg_file(examination(TAKEN)))
    agree(ecg_readers.biosig, file, digits=6, channels=12)


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("name", ["129DYPRG.XML", "3191723_ZZDEMOPTONLY_1-04_orig.xml", "repbeats_example.xml"])
def test_sierraecg_reads_real_philips_files(shared_data: Path, name: str) -> None:
    agree(ecg_readers.sierraecg, shared_data / f"devices/philips_sierra/sierra-ecg-tools__{name}", channels=12)


@pytest.mark.usefixtures("elsewhere")
def test_sierraecg_reads_the_file_we_write(tmp_path: Path) -> None:
    file = tmp_path / "made.xml"
    file.write_bytes(sierra_file(examination(TAKEN)))
    agree(ecg_readers.sierraecg, file, channels=12)


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    ("suffix", "made", "channels"),
    [
        (".xml", lambda: muse_file(examination(TAKEN)), 8),
        (".xml", lambda: aecg_file(examination(TAKEN)), 12),
        (".mwf", partial(holter_file, TAKEN), 3),
    ],
    ids=["muse", "aecg", "mfer"],
)
def test_ecgdatakit_reads_the_files_we_write(
    tmp_path: Path, suffix: str, made: Callable[[], bytes], channels: int
) -> None:
    file = tmp_path / f"made{suffix}"
    file.write_bytes(made())
    agree(ecg_readers.ecgdatakit, file, channels=channels)


@pytest.mark.parametrize("name", ["ECGToolkit__Example", "waveform_ecg"])
def test_dcmtk_and_pydicom_read_real_dicom_ecg(
    need_program: Callable[[str], str], shared_data: Path, name: str
) -> None:
    need_program("dcm2json")
    file = shared_data / f"devices/dicom_ecg/{name}.dcm"
    agree(dicom_readers.dcmtk, file, channels=12)
    agree(dicom_readers.pydicom_waveform, file, channels=12)


@pytest.mark.parametrize("name", ["US-PAL-8-10x-echo", "US1_UNCI", "dwv__gdcm-US-RGB-8-epicard"])
def test_dcmtk_draws_the_same_pictures(need_program: Callable[[str], str], shared_data: Path, name: str) -> None:
    need_program("dcmj2pnm")
    file = shared_data / f"devices/dicom_us/{name}.dcm"
    agree(dicom_readers.dcmtk, file)
    assert dicom_readers.dcmtk(file).pictures


@pytest.mark.parametrize("sop_class", ["1.2.840.10008.5.1.4.1.1.9.1.2", "1.2.840.10008.5.1.4.1.1.9.1.3"])
def test_general_and_ambulatory_ecg_with_the_median_beat_first(
    need_program: Callable[[str], str], tmp_path: Path, sop_class: str
) -> None:
    """A real ECG as an object of the class, its groups in the other order."""
    need_program("dcm2json")
    dataset = ecg_object()
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = UID(sop_class)
    dataset.WaveformSequence = Sequence(reversed(list(dataset.WaveformSequence)))
    file = tmp_path / "strip.dcm"
    dataset.save_as(file)
    agree(dicom_readers.dcmtk, file, channels=12)
    agree(dicom_readers.pydicom_waveform, file, channels=12)
