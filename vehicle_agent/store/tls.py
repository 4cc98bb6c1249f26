"""The box's key and certificates for the broker, in PEM files: they work without anybody logged in."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from cryptography import x509

from clinic_records.errors import ConfigError
from sync.certificates import TlsKey, fingerprint, key_from_pem, key_to_pem, leaf, new_key, request_for
from sync.enrolment import Enrolment
from sync.mqtt import Broker
from sync.tls import ClientTls, Identity
from vehicle_agent.store.durable import write_file


class TlsFiles:
    """`keys/tls/`: own.key, own.pem (with the issuing certificate behind it) and authority.pem (the pinned root)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.identity = Identity(folder / "authority.pem", folder / "own.pem", folder / "own.key")

    @classmethod
    def create(cls, folder: Path) -> "TlsFiles":
        """The folder with a key in it; the one that is there stays."""
        folder.mkdir(mode=0o700, exist_ok=True)
        files = cls(folder)
        if not files.identity.key.exists():
            write_file(files.identity.key, key_to_pem(new_key()))
        return files

    def request(self, vehicle: str) -> bytes:
        """A certificate request by this box's key, PKCS #10 in DER."""
        return request_for(vehicle, self._key)

    def keep(self, enrolment: Enrolment) -> None:
        """Pin the authority of a checked enrolment and keep our certificate; durable on return.

        Raises:
            ConfigError: the certificate in it is none, or not of this box's key.
        """
        if enrolment.certificate:
            write_file(self.identity.authority, enrolment.authority.encode())
            self.renew(enrolment.certificate)

    def renew(self, chain: str) -> None:
        """Replace our certificate, believed already; the next connection shows it. Durable on return.

        Raises:
            ConfigError: it is none, or not of this box's key.
        """
        public = leaf(chain.encode()).public_key()
        mine = self._key.public_key()
        if not isinstance(public, type(mine)) or fingerprint(public) != fingerprint(mine):
            raise ConfigError("the certificate is not of this box's TLS key; ask for an enrolment of this box")
        write_file(self.identity.certificate, chain.encode())

    @property
    def certificate(self) -> x509.Certificate | None:
        """Our certificate; None where the hospital's broker has no TLS."""
        path = self.identity.certificate
        return leaf(path.read_bytes()) if path.exists() else None

    @property
    def _key(self) -> TlsKey:
        try:
            return key_from_pem(self.identity.key.read_bytes())
        except FileNotFoundError:
            raise ConfigError(f"{self.identity.key}: no TLS key; run `clinic vehicle init` again") from None


def vehicle_broker(hospital: Enrolment, files: TlsFiles, floor: Callable[[], datetime]) -> Broker:
    """The broker of a vehicle's hospital; `floor` is a time known to have passed."""
    return Broker(
        host=hospital.broker_host,
        port=hospital.broker_port,
        user=hospital.username,
        password=hospital.password,
        client_id=hospital.vehicle,
        tls=ClientTls(files.identity, floor) if hospital.certificate else None,
        is_mqtt5=hospital.is_mqtt5,
    )
