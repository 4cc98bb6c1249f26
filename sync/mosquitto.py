"""Files for Debian's mosquitto in place of the embedded relay: configuration, access list, hashed passwords."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clinic_records.errors import ConfigError
from sync.access import HOSPITAL_RULES, VEHICLE_RULES, is_hospital
from sync.durable import write_file
from sync.frames import MAX_FRAME
from sync.tls import Identity

_PATHS: Final = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"


def _program(name: str) -> str:
    path = shutil.which(name) or shutil.which(name, path=_PATHS)
    if path is None:
        raise ConfigError(f"{name} is not installed: install Debian's mosquitto, or choose the embedded broker")
    return path


@dataclass(frozen=True)
class MosquittoTls:
    """The broker's own certificate, whose clients it takes, and which of those no more."""

    identity: Identity
    crl: Path


_SETTINGS: Final = {
    "allow_anonymous": "false",
    "use_username_as_clientid": "true",  # nobody ends another's connection by taking its client id
    "allow_zero_length_clientid": "false",
    "persistence": "false",
    "set_tcp_nodelay": "true",
    "sys_interval": "0",
    "max_connections": "4096",
    "max_keepalive": "120",
    "max_inflight_messages": "0",  # windows are ours (sync rule 17)
    "max_queued_messages": "20000",
    "max_queued_bytes": str(256 * 2**20),
    "max_packet_size": str(MAX_FRAME + 1024),
    "persistent_client_expiration": "1h",  # nobody of ours leaves a session behind
    "log_dest": "stderr",
    "log_type": "error",
}


def mosquitto_config(
    folder: Path,
    *,
    host: str,
    port: int,
    hospital: str,
    passwords: Mapping[str, str],
    tls: MosquittoTls | None = None,
    workers: Iterable[str] = (),
) -> Path:
    """Write `mosquitto.conf`, `acl` and, without TLS, `passwords` into `folder`; returns the path of the first.

    SIGHUP makes a running mosquitto read lists, certificates and CRL anew; without TLS it also ends the sessions of
    users that are no longer there.

    Args:
        folder: exists, for the owner only.
        host: the address to listen on.
        port: the port to listen on; mosquitto takes no port 0.
        hospital: the user who may everything, as may each `hospital-...`.
        passwords: user -> password in clear, of every user; written hashed. Unused with TLS.
        tls: with it, the certificate's common name is the user.
        workers: the hospital's users beside `hospital`, where no password names them.

    Raises:
        ConfigError: mosquitto's own password program is missing or refused.
    """
    ours = [*workers, *(each for each in passwords if is_hospital(each, hospital))]
    write_file(folder / "acl", access_list(hospital, ours))
    settings = {
        "listener": f"{port} {host}",
        "user": pwd.getpwuid(os.geteuid()).pw_name,
        "acl_file": str(folder / "acl"),
    }
    if tls is None:
        _hash_passwords(folder / "passwords", passwords)
        settings["password_file"] = str(folder / "passwords")
    else:
        settings |= {
            "cafile": str(tls.identity.authority),
            "certfile": str(tls.identity.certificate),
            "keyfile": str(tls.identity.key),
            "crlfile": str(tls.crl),
            "tls_version": "tlsv1.3",
            "require_certificate": "true",
            "use_identity_as_username": "true",
        }
    conf = folder / "mosquitto.conf"
    write_file(conf, "".join(f"{name} {value}\n" for name, value in {**settings, **_SETTINGS}.items()).encode())
    return conf


def access_list(hospital: str, workers: Iterable[str]) -> bytes:
    """The table of sync/access.py as mosquitto reads it: a user it does not name has a vehicle's rights."""
    rights = [f"topic {act} {topic}" for act, topic in HOSPITAL_RULES]
    rules = [line for user in sorted({hospital, *workers}) for line in (f"user {user}", *rights, "")]
    rules += [f"pattern {act} {topic.format(user='%u')}" for act, topic in VEHICLE_RULES]
    return ("\n".join(rules) + "\n").encode()


def _hash_passwords(path: Path, passwords: Mapping[str, str]) -> None:
    """Write mosquitto's password file; the clear text never stands in an argument list."""
    fresh = path.with_name(path.name + ".fresh")
    write_file(fresh, "".join(f"{user}:{password}\n" for user, password in passwords.items()).encode())
    try:
        command = [_program("mosquitto_passwd"), "-U", str(fresh)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)  # noqa: S603 - a fixed program
        fresh.replace(path)
    except (OSError, subprocess.SubprocessError) as error:
        raise ConfigError(f"mosquitto_passwd could not hash {path}: {error}") from error
    finally:
        fresh.unlink(missing_ok=True)


def mosquitto_command(conf: Path) -> list[str]:
    """How to start it; it is ready when its port answers."""
    return [_program("mosquitto"), "-c", str(conf)]
