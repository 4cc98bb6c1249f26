"""The hospital's domain, which stands in the UIDs of calendars and in feeds."""

from typing import Final

DOMAIN: Final = "[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?"
"""A regular expression for one."""
