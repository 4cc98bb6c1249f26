"""The plan for other programs and for the wall: calendars, tables, feeds, notices, messages."""
