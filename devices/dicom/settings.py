"""Settings of the vehicle's DICOM node."""

import msgspec

from clinic_records.ids import DeviceId


class Peer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One device that may call.

    Attributes:
        ae_title: its calling AE title, at most 16 characters.
        device: which device of the vehicle's configuration it is.
        address: its IP address; empty for any, because AE titles are no secret set it where the device's is fixed.
        port: where it listens itself, for the result of a storage commitment; 104 is DICOM's own (PS3.8, 9.1.1).
    """

    ae_title: str
    device: DeviceId
    address: str = ""
    port: int = 104


class DicomSettings(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the node listens.

    Attributes:
        peers: who may call; everybody else's association is refused.
        port: 0 takes a free one.
        max_pdu: bytes of one PDU we offer to take.
        max_object: bytes of one object; the longest loops of portable scanners are some hundred megabytes.
        max_associations: more are refused with "local limit exceeded"; one address never gets all of them.
        network_timeout_s: silence after which a connection is closed.
    """

    peers: tuple[Peer, ...]
    ae_title: str = "CLINIC"
    host: str = "0.0.0.0"  # noqa: S104  devices come from the vehicle's own network
    port: int = 11_112
    max_pdu: int = 131_072
    max_object: int = 1 << 30
    max_associations: int = 24
    network_timeout_s: float = 30.0
