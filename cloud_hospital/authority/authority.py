"""Issues, renews and voids the certificates of one hospital.

`keys/authority/`: root.pem and issuing.pem with their keys, issued.log, crl.pem, and a folder of certificates for the
hospital's own use. The root's key signs nothing after the beginning: it may be taken off the machine.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from clinic_records.errors import ConfigError
from cloud_hospital.authority.ledger import Issued, Ledger, Voided
from cloud_hospital.authority.profiles import (
    ISSUING_LIFE,
    ROOT_LIFE,
    SERVER_LIFE,
    authority_certificate,
    leaf_certificate,
)
from sync.certificates import TlsKey, fingerprint, key_from_pem, key_to_pem, leaf, new_key, renew_at
from sync.durable import locked, write_file
from sync.tls import Identity

SERVER: Final = "broker"
"""Name of the broker's own certificate; vehicle ids are upper case, so none can have it."""


class Authority:
    """The certificates of one hospital."""

    def __init__(self, folder: Path) -> None:
        """`folder` was made by `create`."""
        self._folder = folder
        self.ledger = Ledger(folder / "issued.log")

    @classmethod
    def create(cls, folder: Path, hospital: str, now: datetime) -> "Authority":
        """Root and issuing authority, durable on return.

        Raises:
            ConfigError: there is one already; vehicles pin it, so it is never replaced.
        """
        if (folder / "root.pem").exists():
            raise ConfigError(f"{folder} holds an authority; vehicles trust it, so it is never overwritten")
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / "own").mkdir(mode=0o700, exist_ok=True)
        root_key, issuing_key = new_key(), new_key()
        root = authority_certificate(
            f"{hospital} root", root_key, issuer=None, signer=root_key, now=now, life=ROOT_LIFE
        )
        issuing = authority_certificate(
            f"{hospital} issuing", issuing_key, issuer=root, signer=root_key, now=now, life=ISSUING_LIFE
        )
        write_file(folder / "root.key", key_to_pem(root_key))
        write_file(folder / "issuing.key", key_to_pem(issuing_key))
        write_file(folder / "issuing.pem", issuing.public_bytes(Encoding.PEM))
        write_file(
            folder / "root.pem", root.public_bytes(Encoding.PEM)
        )  # last: its presence says that the rest is there
        made = cls(folder)
        made.write_crl(now)
        return made

    @property
    def root(self) -> Path:
        """The certificate everybody pins."""
        return self._folder / "root.pem"

    @property
    def crl(self) -> Path:
        """The list of void certificates, for the broker."""
        return self._folder / "crl.pem"

    def issue(self, name: str, public: EllipticCurvePublicKey, now: datetime, life: timedelta) -> bytes:
        """A client's certificate with the issuing one behind it, PEM; in the ledger before it is handed out."""
        return self._issue(name, public, now, life, ())

    def own(self, name: str, now: datetime, hosts: Iterable[str] = ()) -> Identity:
        """Key and certificate of one of the hospital's own programs, made or renewed where that is due.

        Args:
            name: SERVER, with its `hosts`, or a worker's user name.
            now: the hospital's time.
            hosts: names and addresses the broker is reached by.
        """
        path, key_path = self._folder / "own" / f"{name}.pem", self._folder / "own" / f"{name}.key"
        if not key_path.exists():
            write_file(key_path, key_to_pem(new_key()))
        if not path.exists() or renew_at(found := leaf(path.read_bytes())) <= now or not _covers(found, hosts):
            public = key_from_pem(key_path.read_bytes()).public_key()
            write_file(path, self._issue(name, public, now, SERVER_LIFE, hosts))
        return Identity(self.root, path, key_path)

    def own_names(self) -> list[str]:
        """Users of the broker on the hospital's side, in order."""
        return sorted(each.stem for each in (self._folder / "own").glob("*.pem") if each.stem != SERVER)

    def is_known(self, name: str, key: str) -> bool:
        """Whether a certificate for this key was issued to `name` and is not void, ended or not."""
        voided = self.ledger.voided()
        mine = [each for each in self.ledger.issued() if (each.name, each.key) == (name, key)]
        return any(each.serial not in voided for each in mine)

    def void(self, name: str, now: datetime, why: str, keep: str = "") -> int:
        """Make void what was issued to `name`, but for the key with fingerprint `keep`; how many, durable on return.

        The list is written in any case: a crash may have come between the ledger and it.
        """
        voided = self.ledger.voided()
        serials = [
            each.serial
            for each in self.ledger.issued()
            if each.name == name and each.key != keep and each.serial not in voided
        ]
        if serials:
            self.ledger.add(Voided(tuple(serials), now, why))
        self.write_crl(now)
        return len(serials)

    def write_crl(self, now: datetime) -> None:
        """Write the list as the ledger has it; durable on return.

        It is good as long as its issuer: it lies beside the broker and is written at each revocation, so an end of
        its own would only lock everybody out.
        """
        with locked(self._folder / "crl.lock"):  # who reads the ledger first must not write the list last
            self._write_crl(now)

    def _write_crl(self, now: datetime) -> None:
        issuing = self._issuing
        ends = {each.serial: each.until for each in self.ledger.issued()}
        built = x509.CertificateRevocationListBuilder().issuer_name(issuing.subject)
        built = built.last_update(now).next_update(issuing.not_valid_after_utc)
        for serial, at in self.ledger.voided().items():
            if ends.get(serial, now) >= now:
                entry = x509.RevokedCertificateBuilder().serial_number(int(serial, 16)).revocation_date(at)
                built = built.add_revoked_certificate(entry.build())
        write_file(self.crl, built.sign(self._issuing_key, SHA256()).public_bytes(Encoding.PEM))

    def _issue(
        self, name: str, public: EllipticCurvePublicKey, now: datetime, life: timedelta, hosts: Iterable[str]
    ) -> bytes:
        issuing = self._issuing
        made = leaf_certificate(name, public, issuer=issuing, signer=self._issuing_key, now=now, life=life, hosts=hosts)
        self.ledger.add(Issued(f"{made.serial_number:x}", name, fingerprint(public), made.not_valid_after_utc))
        return made.public_bytes(Encoding.PEM) + issuing.public_bytes(Encoding.PEM)

    @property
    def _issuing(self) -> x509.Certificate:
        return leaf(self._read("issuing.pem"))

    @property
    def _issuing_key(self) -> TlsKey:
        return key_from_pem(self._read("issuing.key"))

    def _read(self, name: str) -> bytes:
        try:
            return (self._folder / name).read_bytes()
        except OSError as error:
            raise ConfigError(f"{self._folder / name}: {error.strerror}; restore it from its escrow copy") from None


def _covers(certificate: x509.Certificate, hosts: Iterable[str]) -> bool:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return not list(hosts)
    covered = {
        str(each) for each in (*names.get_values_for_type(x509.DNSName), *names.get_values_for_type(x509.IPAddress))
    }
    return set(hosts) <= covered
