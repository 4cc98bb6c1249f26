"""A vehicle's access to the broker: granted at enrolment, renewed, withdrawn for good at revocation."""

from dataclasses import dataclass
from datetime import timedelta

from clinic_records.errors import AccessError
from cloud_hospital.broker.group import rotate_group
from cloud_hospital.broker.identity import speaks_mqtt5
from cloud_hospital.broker.ports import ports_of
from cloud_hospital.broker.users import broker_password, forget_user
from cloud_hospital.premises import Premises
from sync.certificates import fingerprint, public_of


@dataclass(frozen=True)
class VehicleAccess:
    """What an enrolment says about the broker; password or certificate, never both."""

    password: str = ""
    authority: str = ""
    certificate: str = ""
    renewal_url: str = ""
    is_mqtt5: bool = False


def grant_access(premises: Premises, vehicle: str, tls_request: bytes) -> VehicleAccess:
    """Access for the box that made the request; another box's certificates in this name are void from now on.

    Raises:
        RefusedInput, PeerRefused: the request is damaged, for another name, or not by the holder of its key.
    """
    settings, authority = premises.settings, premises.authority
    is_mqtt5 = speaks_mqtt5(settings)
    if not settings.broker_tls:
        return VehicleAccess(password=broker_password(premises.folder, vehicle), is_mqtt5=is_mqtt5)
    root = authority.root.read_text(encoding="ascii")
    if not tls_request:
        return VehicleAccess(authority=root, is_mqtt5=is_mqtt5)
    public = public_of(tls_request, vehicle)
    life = timedelta(days=settings.certificate_days)
    chain = authority.issue(vehicle, public, premises.now(), life)
    authority.void(vehicle, premises.now(), "another box was enrolled", keep=fingerprint(public))
    return VehicleAccess(
        authority=root, certificate=chain.decode("ascii"), renewal_url=_renewal_url(premises), is_mqtt5=is_mqtt5
    )


def renew_access(premises: Premises, vehicle: str, tls_request: bytes) -> str:
    """The next certificate, PEM, for a key that has one already, ended or not, that was never made void.

    Raises:
        RefusedInput, PeerRefused: as `grant_access`.
        AccessError: no such certificate, or the vehicle is revoked.
    """
    public, authority = public_of(tls_request, vehicle), premises.authority
    if vehicle in premises.log.revoked() or not authority.is_known(vehicle, fingerprint(public)):
        raise AccessError(f"vehicle {vehicle} has no certificate here that could be renewed; enrol it again")
    life = timedelta(days=premises.settings.certificate_days)
    return authority.issue(vehicle, public, premises.now(), life).decode("ascii")


def withdraw_access(premises: Premises, vehicle: str, why: str) -> None:
    """The vehicle's certificates and password open nothing any more, and what it may have heard is changed."""
    premises.authority.void(vehicle, premises.now(), why)
    forget_user(premises.folder, vehicle)
    rotate_group(premises.folder)


def _renewal_url(premises: Premises) -> str:
    settings = premises.settings
    host = settings.broker_advertised
    address = f"[{host}]" if ":" in host else host
    return settings.renewal_url or f"http://{address}:{ports_of(premises.folder, settings).web}/api/v1/renewal"
