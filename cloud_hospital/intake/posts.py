"""The posts of a hospital's intake workers: who does what, by the name of the process."""

import re
import socket
from dataclasses import dataclass, replace
from typing import Final

from clinic_records.errors import ConfigError, Hint
from cloud_hospital.broker.group import shared_group
from cloud_hospital.broker.users import INTAKE
from cloud_hospital.folder import HospitalFolder
from cloud_hospital.settings import BrokerKind, HospitalSettings
from sync.duty import BULK, URGENT, Duty

RECEIVE_URGENT: Final = 4
"""Messages an urgent worker of a group may hold (sync rule 18)."""
RECEIVE_BULK: Final = 64
"""Messages any other worker may hold: so many make one transaction, and few make many small ones. Our choice."""
_NAME: Final = re.compile(r"(urgent|worker)(-[a-z0-9]+)*")
_EMBEDDED: Final = Hint(
    "内置消息服务器只能配一个工作进程：设 workers = 1，或改用 mosquitto。",
    "The embedded broker serves one worker: set workers = 1, or broker = mosquitto.",
)
_ALONE: Final = Hint(
    "先在医院设置里写 workers = 2（或更多），重启后再加机器。",
    "Set workers = 2 or more in the hospital's settings and restart it, then add machines.",
)


@dataclass(frozen=True)
class Post:
    """One worker's place; `name` is that of its process and of its ready file."""

    name: str
    duty: Duty
    is_shared: bool

    @property
    def user(self) -> str:
        """Its user at the broker."""
        return f"{INTAKE}-{self.name}"

    @property
    def takes_a_seat(self) -> bool:
        """Whether it stands by while every seat of its machine is taken; an urgent one never does."""
        return self.is_shared and not self.duty.has_sessions

    @property
    def receive_maximum(self) -> int:
        """How many messages it may hold unfinished."""
        return RECEIVE_URGENT if self.is_shared and self.duty.has_sessions else RECEIVE_BULK

    def duty_now(self, folder: HospitalFolder) -> Duty:
        """Its duty, in the group as that is called now."""
        return replace(self.duty, group=shared_group(folder)) if self.is_shared else self.duty


def post_of(name: str, settings: HospitalSettings) -> Post:
    """The post called `name`: `urgent` or `worker`, with `-...` behind it where there are several.

    Raises:
        ConfigError: no such name, or the settings ask the embedded broker for several workers.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"worker {name!r}: names are urgent or worker, and -<a-z, 0-9> behind it")
    if settings.workers > 1 and settings.broker is BrokerKind.EMBEDDED:
        raise ConfigError(f"workers = {settings.workers} with the embedded broker", hint=_EMBEDDED)
    duty = URGENT if name.startswith("urgent") else BULK
    return Post(name, duty, is_shared=settings.workers > 1)


def own_posts(settings: HospitalSettings) -> list[Post]:
    """What `clinic hospital run` starts.

    Raises:
        ConfigError: as `post_of`.
    """
    more = [f"worker-{number}" for number in range(2, settings.workers + 1)]
    return [post_of(name, settings) for name in ("urgent", "worker", *more)]


def extra_post(settings: HospitalSettings, *, is_urgent: bool, name: str = "") -> Post:
    """A further worker, on this or another machine; by default it bears the machine's name.

    Raises:
        ConfigError: as `post_of`, or the hospital's own workers do not share.
    """
    if settings.workers == 1:
        raise ConfigError("workers = 1: the hospital's own worker shares with nobody", hint=_ALONE)
    where = name or re.sub("[^a-z0-9]+", "", socket.gethostname().lower()) or "extra"
    return post_of(f"{'urgent' if is_urgent else 'worker'}-{where}", settings)
