"""Small durable values of the open store, by key: settings, arming, cursors."""

from vehicle_agent.store.driver import Connection


def get_setting(conn: Connection, key: str) -> bytes | None:
    """The value of `key`, if any."""
    row = conn.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
    return None if row is None else bytes(row[0])


def put_setting(conn: Connection, key: str, value: bytes | None) -> None:
    """Set `key`, or remove it with None; durable when the job's future resolves."""
    if value is None:
        conn.execute("DELETE FROM settings WHERE key = ?", (key,))
    else:
        conn.execute("INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)", (key, value))


def list_settings(conn: Connection, prefix: str) -> dict[str, bytes]:
    """All values whose key begins with `prefix`."""
    rows = conn.execute(
        "SELECT key, value FROM settings WHERE substr(key, 1, ?) = ? ORDER BY key", (len(prefix), prefix)
    )
    return {key: bytes(value) for key, value in rows}
