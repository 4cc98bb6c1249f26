"""amqtt plugins that let in and keep apart the users of a RelayConfig."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from amqtt.contexts import Action, BaseContext
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin
from amqtt.session import Session

from clinic_records.errors import ConfigError
from sync.access import Act, is_allowed
from sync.relay_config import RelayConfig

_logger = logging.getLogger(__name__)
_ACTS: Final = {Action.PUBLISH: Act.WRITE, Action.SUBSCRIBE: Act.READ, Action.RECEIVE: Act.READ}


class _Users:
    """The file as it is now."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = self._mark()
        self._config = RelayConfig.load(path)

    def _mark(self) -> tuple[int, int]:
        status = self._path.stat()
        return status.st_mtime_ns, status.st_ino

    @property
    def config(self) -> RelayConfig:
        """What the file says; what it said before while it is missing or half written."""
        try:
            stamp = self._mark()
            if stamp != self._stamp:
                self._config, self._stamp = RelayConfig.load(self._path), stamp
        except (OSError, ConfigError) as error:
            _logger.error("keeping the users known so far: %s", error)  # noqa: TRY400 - told, not traced
        return self._config


class RelayAuth(BaseAuthPlugin):  # type: ignore[misc]  # amqtt publishes no types
    """A user with its password, under its own client id, with a will inside its own topics, in a clean session."""

    @dataclass
    class Config:
        """Path of the RelayConfig."""

        path: str

    def __init__(self, context: BaseContext) -> None:
        super().__init__(context)
        self._users = _Users(Path(self.config.path))

    async def authenticate(self, *, session: Session) -> bool:
        """Whether this CONNECT is let in."""
        config, user = self._users.config, session.username or ""
        if not config.is_password(user, session.password or ""):
            return False
        if not session.clean_session:  # amqtt would hoard messages without bound for whoever is away
            return False
        if user == config.hospital_user:
            return True
        has_lawful_will = not session.will_flag or is_allowed(user, config.hospital_user, Act.WRITE, session.will_topic)
        return session.client_id == user and has_lawful_will


class RelayTopics(BaseTopicPlugin):  # type: ignore[misc]  # amqtt publishes no types
    """The table of sync/access.py."""

    @dataclass
    class Config:
        """Path of the RelayConfig."""

        path: str

    def __init__(self, context: BaseContext) -> None:
        super().__init__(context)
        self._users = _Users(Path(self.config.path))

    async def topic_filtering(
        self, *, session: Session | None = None, topic: str | None = None, action: Action | None = None
    ) -> bool:
        """Whether this publish, subscription or delivery may be."""
        if session is None or topic is None or action is None:
            return False
        if action is Action.RECEIVE:
            return True  # judged when it subscribed; the table has no narrower rule for single topics
        return is_allowed(session.username or "", self._users.config.hospital_user, _ACTS[action], topic)
