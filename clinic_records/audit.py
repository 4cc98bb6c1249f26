"""The head of a vehicle's audit journal, as the hospital witnesses it."""

import msgspec


class AuditHead(msgspec.Struct, frozen=True):
    """The newest entry of one chain: its place, from 1, and its hash, 64 hex digits, which covers all before it."""

    incarnation: int
    count: int
    hash: str
