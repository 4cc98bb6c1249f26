"""The answer to a vehicle's request for its next certificate, however it came (sync/renewal.py)."""

from clinic_records.clock import to_ms
from clinic_records.errors import AccessError
from cloud_hospital.broker.access import renew_access
from cloud_hospital.hospital import Hospital
from cloud_hospital.vehicle_keys import newest_key
from sync.renewal import Renewed, believe, read_request, sign_renewal


def renewed(hospital: Hospital, body: bytes) -> Renewed:
    """The answer to a request.

    Raises:
        RefusedInput: it is none.
        PeerRefused: it is not signed by the box, or not by the certificate's key.
        AccessError: the vehicle is not enrolled, revoked, or this key has no certificate.
    """
    asked = read_request(body)
    public = newest_key(hospital.engine, asked.vehicle)
    if public is None:
        raise AccessError(f"vehicle {asked.vehicle} is not enrolled here")
    believe(asked, public)
    certificate = renew_access(hospital.premises, asked.vehicle, asked.tls_request)
    answer = Renewed(asked.vehicle, asked.nonce, certificate, to_ms(hospital.now()))
    return sign_renewal(answer, hospital.keys.sign)
