"""From a durable delivery to its Readings: the door for the vehicle's resource-limited child.

The work itself stands beside each format and is imported only on use, because it brings the heavy libraries.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from clinic_records.errors import BadFrame
from clinic_records.reading import Reading
from devices.delivery import Delivery
from devices.registry import load

INTERPRETERS: Final[Mapping[str, str]] = {
    "application/dicom": "devices.dicom.interpret:interpret",
    "application/vnd.clinic.device-file": "devices.decoded:interpret",
    "application/scp-ecg": "devices.decoded:interpret",
    "application/vnd.contec.sp80b-session": "devices.decoded:interpret",
    "application/vnd.nonin.span": "devices.decoded:interpret",
    "application/vnd.contec.cms50-span": "devices.decoded:interpret",
    "application/vnd.contec.cms50-history": "devices.decoded:interpret",
    "application/vnd.contec.cms50-9byte-span": "devices.decoded:interpret",
    "text/vnd.nellcor.span": "devices.decoded:interpret",
    "text/vnd.masimo.span": "devices.decoded:interpret",
    "application/vnd.contec.08a-record": "devices.decoded:interpret",
    "application/vnd.taidoc.record": "devices.decoded:interpret",
    "application/vnd.lifescan.record": "devices.decoded:interpret",
    "application/vnd.lifescan.verio-iq-record": "devices.decoded:interpret",
    "application/vnd.ieee.11073-20601": "devices.decoded:interpret",
    "application/vnd.astm.e1394": "devices.decoded:interpret",
    "text/vnd.biomerieux.mini-vidas": "devices.decoded:interpret",
    "text/vnd.arkray.spotchem-el": "devices.decoded:interpret",
    "text/vnd.bayer.clinitek-50": "devices.decoded:interpret",
    "text/vnd.clinic.urine-strip": "devices.decoded:interpret",
    "application/hl7-v2": "devices.decoded:interpret",
    "application/vnd.clsi.poct1a+xml": "devices.decoded:interpret",
    "application/vnd.sam-v.card": "devices.identity.interpret:interpret",
    "text/vnd.clinic.scan": "devices.identity.interpret:interpret",
    "text/vnd.clinic.scale-health-o-meter": "devices.identity.scale_health_o_meter:interpret",
    "application/vnd.nmea.0183": "devices.decoded:interpret",
    "application/vnd.xy-md02.modbus": "devices.vehicle.fridge:interpret",
}
"""Media type of the raw bytes -> who reads them."""


def interpret(delivery: Delivery, raw: Path) -> tuple[Reading, ...]:
    """What the device said in the file `raw`: at least one Reading, one for each patient or measurement.

    Raises:
        RefusedInput: the bytes are whole but not something we take.
        BadFrame: framing refused them before, or they are not the format they claim to be.
    """
    if delivery.fault:
        raise BadFrame(delivery.fault)
    if delivery.media_type not in INTERPRETERS:
        raise BadFrame(f"{delivery.device}: nobody reads {delivery.media_type}")
    reader: Callable[[Delivery, Path], tuple[Reading, ...]] = load(INTERPRETERS[delivery.media_type])
    return reader(delivery, raw)
