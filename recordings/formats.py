"""The formats we read: a table. How each looks and who decodes it is loaded only when it is asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Final

from recordings.signal import DecodedRecording


@dataclass(frozen=True, slots=True)
class Format:
    """One format.

    Attributes:
        name: as `DecodedRecording.format` says it.
        modality: of its recordings, where they do not say it themselves.
        looks_like: `module:function`; whether bytes begin as this format does, cheap and strict.
        decode: `module:function`; bytes to one DecodedRecording, or to a tuple of one for each patient or order.
    """

    name: str
    modality: str
    looks_like: str
    decode: str

    def fits(self, raw: bytes) -> bool:
        """Whether the bytes look like it."""
        looks_like: Callable[[bytes], bool] = _load(self.looks_like)
        return looks_like(raw)

    def read(self, raw: bytes) -> tuple[DecodedRecording, ...]:
        """What the bytes say; raises what its decoder raises."""
        decode: Callable[[bytes], DecodedRecording | tuple[DecodedRecording, ...]] = _load(self.decode)
        found = decode(raw)
        return (found,) if isinstance(found, DecodedRecording) else found


FORMATS: Final[tuple[Format, ...]] = (
    Format("dicom", "", "recordings.dicom.file:looks_like_dicom", "recordings.dicom.object:decode_object"),
    Format("scp-ecg", "ecg", "recordings.scp_ecg.record:looks_like_scp", "recordings.scp_ecg.decode:decode_scp"),
    Format(
        "healforce-scp", "ecg", "recordings.healforce:looks_like_healforce", "recordings.healforce:decode_healforce"
    ),
    Format("aecg", "ecg", "recordings.aecg.decode:looks_like_aecg", "recordings.aecg.decode:decode_aecg"),
    Format(
        "philips-sierra",
        "ecg",
        "recordings.philips_sierra.decode:looks_like_sierra",
        "recordings.philips_sierra.decode:decode_sierra",
    ),
    Format("ge-muse", "ecg", "recordings.ge_muse:looks_like_muse", "recordings.ge_muse:decode_muse"),
    Format("mfer", "ecg", "recordings.mfer.decode:looks_like_mfer", "recordings.mfer.decode:decode_mfer"),
    Format(
        "contec-ecg90a",
        "ecg",
        "recordings.contec_ecg90a:looks_like_ecg90a",
        "recordings.contec_ecg90a:decode_ecg90a",
    ),
    Format("astm-e1394", "", "recordings.astm.message:looks_like_astm", "recordings.astm.results:decode_astm"),
    Format("taidoc", "", "recordings.meters.taidoc_layout:looks_like_taidoc", "recordings.meters.taidoc:decode_taidoc"),
    Format(
        "verio-iq",
        "glucose",
        "recordings.meters.verio_iq_layout:looks_like_verio_iq",
        "recordings.meters.lifescan_decode:decode_verio_iq",
    ),
    Format(
        "ultraeasy",
        "glucose",
        "recordings.meters.ultraeasy_layout:looks_like_ultraeasy",
        "recordings.meters.lifescan_decode:decode_ultraeasy",
    ),
    Format(
        "contec08a",
        "blood-pressure",
        "recordings.meters.contec08a_layout:looks_like_contec08a",
        "recordings.meters.contec08a:decode_contec08a",
    ),
    Format(
        "nonin", "oximetry", "recordings.oximetry.nonin:looks_like_nonin", "recordings.oximetry.decode:decode_nonin"
    ),
    Format(
        "cms50-history",
        "oximetry",
        "recordings.oximetry.cms50_history:looks_like_history",
        "recordings.oximetry.stored:decode_history",
    ),
    Format(
        "nellcor-lines",
        "oximetry",
        "recordings.oximetry.nellcor:looks_like_nellcor",
        "recordings.oximetry.decode:decode_nellcor",
    ),
    Format(
        "masimo-lines",
        "oximetry",
        "recordings.oximetry.masimo:looks_like_masimo",
        "recordings.oximetry.decode:decode_masimo",
    ),
    Format("hl7-v2", "", "recordings.hl7.message:looks_like_hl7", "recordings.hl7.results:decode_hl7"),
    Format("gdt", "", "recordings.gdt.lines:looks_like_gdt", "recordings.gdt.decode:decode_gdt"),
    Format("poct1a", "", "recordings.poct1a.message:looks_like_poct1a", "recordings.poct1a.decode:decode_poct1a"),
    Format(
        "mini-vidas",
        "laboratory",
        "recordings.laboratory.mini_vidas:looks_like_mini_vidas",
        "recordings.laboratory.mini_vidas:decode_mini_vidas",
    ),
    Format(
        "spotchem-el",
        "laboratory",
        "recordings.laboratory.spotchem_el:looks_like_spotchem_el",
        "recordings.laboratory.spotchem_el:decode_spotchem_el",
    ),
    Format(
        "clinitek-50",
        "urinalysis",
        "recordings.laboratory.clinitek50:looks_like_clinitek50",
        "recordings.laboratory.clinitek50:decode_clinitek50",
    ),
    Format(
        "urine-text",
        "urinalysis",
        "recordings.laboratory.urine_text:looks_like_urine_text",
        "recordings.laboratory.urine_text:decode_urine_text",
    ),
    Format(
        "sp80b",
        "spirometry",
        "recordings.spirometry.sp80b_layout:looks_like_session",
        "recordings.spirometry.sp80b:decode_session",
    ),
    Format("ieee11073-20601", "", "recordings.ieee11073.decode:looks_like", "recordings.ieee11073.decode:decode"),
    Format(
        "spirometry-wf",
        "spirometry",
        "recordings.spirometry.waveform_file:looks_like_waveform_file",
        "recordings.spirometry.waveform_file:decode_waveform_file",
    ),
    Format(
        "cms50", "oximetry", "recordings.oximetry.cms50:looks_like_cms50", "recordings.oximetry.decode:decode_cms50"
    ),
    Format(
        "cms50-9byte",
        "oximetry",
        "recordings.oximetry.cms50_9byte:looks_like_cms50_9byte",
        "recordings.oximetry.decode:decode_cms50_9byte",
    ),
    Format(
        "bone-table",
        "bone-density",
        "recordings.bone_table:looks_like_bone_table",
        "recordings.bone_table:decode_bone_table",
    ),
    Format("nmea", "position", "recordings.nmea_sentences:looks_like_nmea", "recordings.nmea:decode_nmea"),
)
"""Asked in this order: what has a mark of its own before what is only plausible."""


@cache
def _load(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)
