"""What is printed: a wall calendar for each vehicle, a notice for each village's clinic point."""

from clinic_records.errors import RefusedInput
from schedules.exports.fonts import lacking_words
from schedules.exports.request import Files, Request
from schedules.exports.subjects import Kind, subjects
from schedules.exports.village_notice import village_notices
from schedules.exports.wall_calendar import wall_calendars


def files(request: Request) -> Files:
    """One PDF of all wall calendars, one of all notices; of one vehicle or point its own alone.

    Raises:
        RefusedInput: asked for a person.
        ConfigError: no font for Chinese is installed.
    """
    whose = tuple(subjects(request.entries.plan)) if request.subject is None else (request.subject,)
    vehicles = tuple(one for one in whose if one.kind is Kind.VEHICLE)
    points = tuple(one for one in whose if one.kind is Kind.POINT)
    if not vehicles and not points:
        raise RefusedInput("a poster is of a vehicle or of a point; a person has a calendar: --format ics")
    if vehicles:
        name = f"wall-calendar{request.whose}-{request.label}.pdf"
        printed = wall_calendars(request.entries, vehicles, request.stamp, request.hospital)
        if printed.lacking:
            request.tell(lacking_words(printed.lacking, name))
        yield name, printed.pdf
    if points:
        name = f"village-notice{request.whose}-{request.label}.pdf"
        printed = village_notices(request.entries, points, request.stamp, request.hospital)
        if printed.lacking:
            request.tell(lacking_words(printed.lacking, name))
        yield name, printed.pdf
