"""Delivery: one thing a device handed over, before anybody understood it."""

import msgspec

from clinic_records.clock import Stamp
from clinic_records.errors import BadFrame
from clinic_records.ids import DeviceId
from devices.framing.base import Frame

UNFRAMED = "application/octet-stream"
"""Media type of bytes that no framing recognised."""


class Delivery(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of a device's bytes when they are made durable in the inbox.

    Attributes:
        device: which device of the vehicle's configuration.
        driver: the driver that took it, a name of `devices.registry`.
        stamp: `vehicle_time` is when its last byte came.
        media_type: of the raw bytes.
        source_id: the device's own id of it (SOPInstanceUID ...), where the protocol tells it outside the bytes.
        peer: who spoke: `AETITLE@address` or the transport's URL.
        fault: why framing refused it; then it goes to quarantine and is never interpreted.
        from_memory: the driver saw it come from the device's store.
    """

    device: DeviceId
    driver: str
    stamp: Stamp
    media_type: str
    source_id: str = ""
    peer: str = ""
    fault: str = ""
    from_memory: bool = False


def of_frame(item: Frame | BadFrame, *, device: DeviceId, driver: str, stamp: Stamp, peer: str = "") -> Delivery:
    """The Delivery of a frame, or of bytes that were none (its `fault` is the framing's reason)."""
    if isinstance(item, BadFrame):
        return Delivery(device, driver, stamp, UNFRAMED, peer=peer, fault=str(item))
    return Delivery(device, driver, stamp, item.media_type, peer=peer, from_memory=item.from_memory)
