"""What a coordinator types about one visit, kept as typed until it was taken."""

from datetime import date
from typing import Annotated, NamedTuple

from fastapi import Form, Request

from clinic_records.people import Author
from clinic_records.schedule import Visit
from cloud_hospital.web.coordinator.place import day_of
from schedules.desk.decide import Word


class Typed(NamedTuple):
    """The fields of the form; `shown` is the vehicle that the month shows alone."""

    day: str = ""
    vehicle: str = ""
    start: str = ""
    reason: str = ""
    approved_by: str = ""
    announced_on: str = ""
    revision: int = -1
    shown: str = ""

    @property
    def word(self) -> Word:
        """Reason, approver and the day villagers are told.

        Raises:
            RefusedInput: the day is none.
        """
        return Word(self.reason, self.approved_by, day_of(self.announced_on) if self.announced_on else None)

    def filled(self, stands: Visit, today: date, author: Author) -> "Typed":
        """What is not typed yet as it stands now."""
        return self.filled_word(today, author)._replace(
            day=self.day or stands.date.isoformat(),
            vehicle=self.vehicle or stands.vehicle_id,
            start=self.start or ("" if self.day else f"{stands.start:%H:%M}"),
        )

    def filled_word(self, today: date, author: Author) -> "Typed":
        """Told today and approved by whoever acts, where nothing else is typed."""
        return self._replace(
            approved_by=self.approved_by or author.name, announced_on=self.announced_on or today.isoformat()
        )


async def stead_form(request: Request) -> dict[str, str]:
    """Who goes instead of whom: the fields `for-ID` of the form, those that name somebody else or nobody."""
    fields = {key[4:]: value for key, value in (await request.form()).items() if key.startswith("for-")}
    return {planned: who for planned, who in fields.items() if isinstance(who, str) and who != planned}


def typed_form(
    day: Annotated[str, Form()] = "",
    vehicle: Annotated[str, Form()] = "",
    start: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    approved_by: Annotated[str, Form()] = "",
    announced_on: Annotated[str, Form()] = "",
    revision: Annotated[int, Form()] = -1,
    shown: Annotated[str, Form()] = "",
) -> Typed:
    """The form as it was posted."""
    return Typed(day, vehicle, start, reason, approved_by, announced_on, revision, shown)
