"""mosquitto's configuration: one listener, a user for each vehicle, topics by user, nothing kept on disk.

Directives: mosquitto.conf(5) of mosquitto 2.0. Password form `$7$iterations$salt$hash` is PBKDF2-HMAC-SHA512 as
mosquitto_passwd(1) writes it.
"""

import base64
import getpass
import hashlib
import secrets
from pathlib import Path
from typing import Final

from cloud_hospital.broker.ports import Ports
from cloud_hospital.broker.users import INTAKE, broker_password, broker_users
from cloud_hospital.durable import write_file
from cloud_hospital.folder import HospitalFolder

_ITERATIONS: Final = 101  # mosquitto_passwd's default; our passwords are 192 random bits, so it need not be slow

_ACL: Final = f"""\
user {INTAKE}
topic readwrite clinic/v1/#

pattern write clinic/v1/%u/up/#
pattern write clinic/v1/%u/state
pattern read clinic/v1/%u/down/#
"""


def write_mosquitto_files(folder: HospitalFolder, ports: Ports) -> Path:
    """Write configuration, passwords and topic rules under run/; the configuration's path.

    A running mosquitto reads passwords and rules again on SIGHUP.
    """
    broker_password(folder, INTAKE)
    passwords = folder.run / "mosquitto.passwd"
    rules = folder.run / "mosquitto.acl"
    config = folder.run / "mosquitto.conf"
    lines = [f"{user}:{_hashed(password)}" for user, password in sorted(broker_users(folder).items())]
    write_file(passwords, ("\n".join(lines) + "\n").encode())
    write_file(rules, _ACL.encode())
    text = f"""\
listener {ports.broker} {ports.broker_host}
user {getpass.getuser()}
allow_anonymous false
password_file {passwords}
acl_file {rules}
persistence false
set_tcp_nodelay true
log_type error
log_type warning
"""
    write_file(config, text.encode())
    return config


def _hashed(password: str) -> str:
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS, 64)
    return f"$7${_ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"
