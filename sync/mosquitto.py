"""Files for Debian's mosquitto in place of the embedded relay: configuration, access list, hashed passwords."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from clinic_records.errors import ConfigError
from sync.access import HOSPITAL_RULES, VEHICLE_RULES
from sync.durable import write_file
from sync.frames import MAX_FRAME

_PATHS: Final = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"


def _program(name: str) -> str:
    path = shutil.which(name) or shutil.which(name, path=_PATHS)
    if path is None:
        raise ConfigError(f"{name} is not installed: install Debian's mosquitto, or choose the embedded broker")
    return path


def mosquitto_config(folder: Path, *, host: str, port: int, hospital: str, passwords: Mapping[str, str]) -> Path:
    """Write `mosquitto.conf`, `acl` and `passwords` into `folder`; returns the path of the first.

    SIGHUP makes a running mosquitto read both lists anew.

    Args:
        folder: exists, for the owner only.
        host: the address to listen on.
        port: the port to listen on; mosquitto takes no port 0.
        hospital: the user who may everything.
        passwords: user -> password in clear, of every user; written hashed.

    Raises:
        ConfigError: mosquitto's own password program is missing or refused.
    """
    _hash_passwords(folder / "passwords", passwords)
    rules = [f"user {hospital}", *(f"topic {act} {topic}" for act, topic in HOSPITAL_RULES), ""]
    rules += [f"pattern {act} {topic.format(user='%u')}" for act, topic in VEHICLE_RULES]
    write_file(folder / "acl", ("\n".join(rules) + "\n").encode())
    settings = {
        "listener": f"{port} {host}",
        "user": pwd.getpwuid(os.geteuid()).pw_name,
        "allow_anonymous": "false",
        "password_file": str(folder / "passwords"),
        "acl_file": str(folder / "acl"),
        "use_username_as_clientid": "true",
        "persistence": "false",
        "set_tcp_nodelay": "true",
        "max_inflight_messages": "0",
        "max_queued_messages": "20000",
        "message_size_limit": str(MAX_FRAME + 1024),
        "log_dest": "stderr",
        "log_type": "error",
    }
    conf = folder / "mosquitto.conf"
    write_file(conf, "".join(f"{name} {value}\n" for name, value in settings.items()).encode())
    return conf


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
