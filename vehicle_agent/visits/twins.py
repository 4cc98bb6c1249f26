"""Which settings of two devices exclude each other: what is found at the start stops no port and doubles no file."""

from pathlib import Path
from typing import Final, Protocol

from clinic_records.errors import ConfigError
from devices.transports.accepted import listen_address

LISTEN: Final = "listen"
FOLDER: Final = "folder"
"""Schemes of urls that are no wire of ours to open: the device calls us, or drops files."""
_ONE_OPENER: Final = ("serial", "hid")
"""Schemes of nodes that one program alone may open."""
_EVERYWHERE: Final = "0.0.0.0"  # noqa: S104  compared with, never listened on


class Placed(Protocol):
    """A device and where it is, as `visits.roster.Device`."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def url(self) -> str:
        """Its transport; "" where it has none."""

    @property
    def ae_title(self) -> str:
        """Its DICOM title; "" where it has none."""

    @property
    def address(self) -> str:
        """Where it calls from; "" for any."""

    @property
    def scheme(self) -> str:
        """How its url begins."""


def must_stand(device: Placed) -> None:
    """Raises ConfigError: its url is no address to listen on, or no folder."""
    if device.scheme == LISTEN:
        listen_address(device.url)
    if device.scheme == FOLDER and not _folder(device).is_absolute():
        raise ConfigError(f"device {device.id}: url {device.url!r}: write the whole path, folder:/path")


def must_differ(one: Placed, other: Placed) -> None:
    """Raises ConfigError: only one of them could be served, or both would deliver the same."""
    both = f"devices {one.id} and {other.id}"
    if one.ae_title and one.ae_title == other.ae_title:
        raise ConfigError(f"{both} have one AE title; give each its own")
    if one.scheme == other.scheme == FOLDER and _folder(one) == _folder(other):
        raise ConfigError(f"{both} drop files into one folder; give each its own")
    if one.scheme == other.scheme and one.scheme in _ONE_OPENER and _node(one) == _node(other):
        raise ConfigError(f"{both} are on one port, {_node(one)}; give each its own")
    if one.scheme == other.scheme == LISTEN:
        hosts, ports = zip(listen_address(one.url), listen_address(other.url), strict=True)
        if one.url == other.url and one.address == other.address:
            raise ConfigError(f"{both} call one port; give each its own address")
        if one.url != other.url and ports[0] == ports[1] and _EVERYWHERE in hosts:
            raise ConfigError(f"{both} call one port at different urls; write one url for both")


def _node(device: Placed) -> str:
    return device.url.partition(":")[2].partition("?")[0]


def _folder(device: Placed) -> Path:
    return Path(device.url.partition(":")[2])
