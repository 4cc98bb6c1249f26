"""The error tree, cut by what the caller can do.

ClinicError                     anything we raise on purpose; carries `hint` (zh, en)
├── ConfigError                 a person must change a setting or a file; never retried
├── RefusedInput                this input is not taken; its raw bytes go to quarantine (exit 3)
│   └── BadFrame                bytes that are not the format they claim to be
├── AccessError                 the person or peer may not do this
├── DeviceError                 a device cannot be used now; other devices go on
│   ├── DeviceUnavailable       not there, or taken by another program: back off and try again
│   └── DeviceTimeout           it stopped answering: back off and try again
├── StoreError                  the store refused or failed; nothing was acknowledged
│   ├── StoreLocked             nobody has unlocked the vault; devices still deliver to the inbox
│   ├── Conflict                a base revision is no longer current; ask the person which to keep
│   └── NotFound                no such thing
└── SyncError                   the link or the peer
    ├── Offline                 no coverage; try again later (exit 4 where asked for)
    └── PeerRefused             the peer is not who we pinned, or it refused us; a person must look
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hint:
    """What the person in front of the screen can do now, in both languages."""

    zh: str
    en: str


class ClinicError(Exception):
    """Base of every error we raise on purpose."""

    default_hint = Hint("记下这句话，联系维护人员。", "Note this message and call the maintainers.")
    exit_code = 1

    def __init__(self, message: str, *, hint: Hint | None = None) -> None:
        super().__init__(message)
        self.hint = hint or self.default_hint


class ConfigError(ClinicError):
    """A setting or file must be changed by a person."""

    default_hint = Hint("改好设置后再启动。", "Correct the setting, then start again.")


class RefusedInput(ClinicError):
    """Input that is not taken; `raw`, when given, goes to quarantine unchanged."""

    default_hint = Hint(
        "原始数据已隔离保存，请核对后重发。", "The raw data is kept in quarantine; check it and send again."
    )
    exit_code = 3

    def __init__(self, message: str, *, raw: bytes = b"", hint: Hint | None = None) -> None:
        super().__init__(message, hint=hint)
        self.raw = raw


class BadFrame(RefusedInput):
    """Bytes that are not the format they claim to be."""


class AccessError(ClinicError):
    """The person or peer may not do this."""

    default_hint = Hint("换有权限的人登录，或找管理员。", "Log in as someone who may, or ask the administrator.")
    exit_code = 3


class DeviceError(ClinicError):
    """A device cannot be used now."""

    default_hint = Hint("看设备的电源和线，再试一次。", "Check the device's power and cable, then try again.")


class DeviceUnavailable(DeviceError):
    """The device is not there, or another program holds it."""


class DeviceTimeout(DeviceError, TimeoutError):
    """The device stopped answering."""


class StoreError(ClinicError):
    """The store refused or failed; nothing was acknowledged."""

    default_hint = Hint("没有存上。先记在纸上，再试一次。", "Not saved. Write it on paper, then try again.")


class StoreLocked(StoreError):
    """Nobody has unlocked the vehicle's store yet."""

    default_hint = Hint("先登录。设备的数据照样收着。", "Log in first. Device data is still being kept.")


class Conflict(StoreError):
    """The base revision is no longer current."""

    default_hint = Hint(
        "别人刚改过。看两个版本，选保留哪一个。", "Someone changed this. Compare both and choose which to keep."
    )


class NotFound(StoreError):
    """There is no such thing."""

    default_hint = Hint("没有找到。核对编号。", "Not found. Check the number.")


class SyncError(ClinicError):
    """The link or the peer."""


class Offline(SyncError):
    """There is no coverage."""

    default_hint = Hint(
        "没有网。数据已存车上，有网时自动发。", "No coverage. Data is saved on the vehicle and goes out later."
    )
    exit_code = 4


class PeerRefused(SyncError):
    """The peer is not the one we pinned, or it refused us."""

    default_hint = Hint(
        "对方不是本车登记的医院，联系管理员。", "The peer is not this vehicle's hospital; call the administrator."
    )
    exit_code = 3
