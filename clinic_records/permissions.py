"""Who may work on a vehicle: the hospital's list, which says nothing of PINs and keys."""

import msgspec

from clinic_records.people import Author


class Permissions(msgspec.Struct, frozen=True):
    """Everybody who may log in on one vehicle, with the name and role they act under there; nobody else may."""

    vehicle: str
    people: tuple[Author, ...]
