"""amqtt plugins that let in and keep apart the users of a RelayConfig."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from amqtt.contexts import Action, BaseContext
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin
from amqtt.session import Session

from clinic_records.errors import ConfigError
from sync.access import Act, is_allowed, is_hospital
from sync.relay_config import RelayConfig

_logger = logging.getLogger(__name__)
_ACTS: Final = {Action.PUBLISH: Act.WRITE, Action.SUBSCRIBE: Act.READ, Action.RECEIVE: Act.READ}

_Stamp = tuple[tuple[int, int], ...]


class RelayUsers:
    """The file, and the list of void certificates it names, as they are now."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._void: frozenset[int] = frozenset()
        self._config = RelayConfig.load(path)
        self._stamp: _Stamp = ()
        self.is_changed()

    def _mark(self, config: RelayConfig) -> _Stamp:
        tls = config.tls
        paths = [self._path] if tls is None else [self._path, Path(tls.crl), Path(tls.certificate)]
        return tuple((status.st_mtime_ns, status.st_ino) for status in (path.stat() for path in paths))

    def is_changed(self) -> bool:
        """Read again what changed; whether anything did. What is missing or half written leaves what was known."""
        try:
            stamp = self._mark(self._config)
            if stamp == self._stamp:
                return False
            config = RelayConfig.load(self._path)
            void = config.tls.void_serials() if config.tls else frozenset()
            self._config, self._void, self._stamp = config, void, self._mark(config)
        except (OSError, ConfigError) as error:
            _logger.error("keeping the users known so far: %s", error)  # noqa: TRY400 - told, not traced
            return False
        return True

    @property
    def config(self) -> RelayConfig:
        """What the file says."""
        self.is_changed()
        return self._config

    def user_of(self, session: Session) -> str:
        """Who is at the other end of this connection; empty for nobody we let in."""
        config, user = self.config, str(session.username or "")
        if config.tls is None:
            return user if config.is_password(user, session.password or "") else ""
        certificate = session.ssl_object.getpeercert() if session.ssl_object else None
        if not certificate or int(certificate["serialNumber"], 16) in self._void:
            return ""
        names = [value for part in certificate["subject"] for field, value in part if field == "commonName"]
        return str(names[0]) if len(names) == 1 and user in ("", names[0]) else ""


class RelayAuth(BaseAuthPlugin):  # type: ignore[misc]  # amqtt publishes no types
    """A user with its password or certificate, under its own client id, its will in its own topics, a clean session."""

    @dataclass
    class Config:
        """Path of the RelayConfig."""

        path: str

    def __init__(self, context: BaseContext) -> None:
        super().__init__(context)
        self._users = RelayUsers(Path(self.config.path))

    async def authenticate(self, *, session: Session) -> bool:
        """Whether this CONNECT is let in."""
        hospital, user = self._users.config.hospital_user, self._users.user_of(session)
        if not user:
            return False
        if not session.clean_session:  # amqtt would hoard messages without bound for whoever is away
            return False
        session.username = user
        if is_hospital(user, hospital):
            return True
        has_lawful_will = not session.will_flag or is_allowed(user, hospital, Act.WRITE, session.will_topic)
        return session.client_id == user and has_lawful_will


class RelayTopics(BaseTopicPlugin):  # type: ignore[misc]  # amqtt publishes no types
    """The table of sync/access.py."""

    @dataclass
    class Config:
        """Path of the RelayConfig."""

        path: str

    def __init__(self, context: BaseContext) -> None:
        super().__init__(context)
        self._users = RelayUsers(Path(self.config.path))

    async def topic_filtering(
        self, *, session: Session | None = None, topic: str | None = None, action: Action | None = None
    ) -> bool:
        """Whether this publish, subscription or delivery may be."""
        if session is None or topic is None or action is None:
            return False
        if action is Action.RECEIVE:
            return True  # judged when it subscribed; the table has no narrower rule for single topics
        return is_allowed(session.username or "", self._users.config.hospital_user, _ACTS[action], topic)
