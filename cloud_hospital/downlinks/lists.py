"""The lists every vehicle has: formulary, prices, and who may log in there."""

from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

import msgspec

from clinic_records.formulary import Formulary, Medicine, Price, PriceList
from clinic_records.permissions import Permissions
from clinic_records.record import Kind
from cloud_hospital.downlinks.csv_rows import Mistake, Row, read_table
from cloud_hospital.downlinks.issue import issue_list, newest_list
from cloud_hospital.hospital import Hospital
from cloud_hospital.users import VEHICLE_ROLES, list_users
from cloud_hospital.vehicles import active_vehicles

FORMULARY: Final = "formulary"
PRICES: Final = "prices"
MEDICINE_COLUMNS: Final = ("code", "name", "strength", "unit", "ingredients")
PRICE_COLUMNS: Final = ("code", "price_yuan")
FEN: Final = 100
"""fen of one yuan."""
MOST_FEN: Final = 10_000_000
"""100,000 yuan: beyond it a decimal point was forgotten. Our choice."""


class Loaded(msgspec.Struct, frozen=True):
    """What was loaded: how many rows, as which revision, for how many vehicles."""

    rows: int
    revision: int
    vehicles: int


def load_formulary(hospital: Hospital, path: Path) -> Loaded:
    """Make the medicines of a CSV file the formulary, and queue it for every vehicle.

    Raises:
        ConfigError, RefusedInput: as `read_table`; nothing was taken.
    """
    medicines = read_table(path, MEDICINE_COLUMNS, _medicine, key="code")
    revision = issue_list(hospital, Kind.FORMULARY, Formulary(medicines), name=FORMULARY)
    return Loaded(len(medicines), revision, len(active_vehicles(hospital)))


def load_prices(hospital: Hospital, path: Path, effective_from: date) -> Loaded:
    """Make the prices of a CSV file those in force from a day on, and queue them for every vehicle.

    Raises:
        ConfigError, RefusedInput: as `read_table`; nothing was taken.
    """
    prices = read_table(path, PRICE_COLUMNS, _price, key="code")
    revision = issue_list(hospital, Kind.PRICES, PriceList(effective_from, prices), name=PRICES)
    return Loaded(len(prices), revision, len(active_vehicles(hospital)))


def formulary(hospital: Hospital) -> Formulary:
    """The formulary in force; empty where none was loaded."""
    payload = newest_list(hospital, FORMULARY)
    return Formulary(()) if payload is None else msgspec.json.decode(payload, type=Formulary)


def issue_permissions(hospital: Hospital) -> int:
    """Tell every vehicle who may log in on it: the vehicles' staff whose account is not disabled.

    Returns how many people that are; with none nothing is sent, because a vehicle must never be shut to everybody.
    """
    people = tuple(user.author for user in list_users(hospital, VEHICLE_ROLES) if not user.is_disabled)
    for vehicle in active_vehicles(hospital) if people else ():
        thing = Permissions(vehicle, people)
        issue_list(hospital, Kind.PERMISSIONS, thing, name=f"permissions/{vehicle}", to=[vehicle])
    return len(people)


def _medicine(row: Row) -> Medicine:
    for column in ("name", "strength", "unit"):
        if not row[column]:
            raise Mistake(column, "不能空", "must not be empty")
    ingredients = tuple(part.strip() for part in row["ingredients"].replace("；", ";").split(";") if part.strip())
    return Medicine(row["code"], row["name"], row["strength"], row["unit"], ingredients)


def _price(row: Row) -> Price:
    try:
        fen = Decimal(row["price_yuan"]) * FEN
        is_right = fen == fen.to_integral_value() and 0 <= fen <= MOST_FEN
    except (InvalidOperation, ValueError):
        is_right = False
    if not is_right:
        raise Mistake(
            "price_yuan", f"{row['price_yuan']!r} 不是价格，例如 3.50", f"{row['price_yuan']!r} is no price like 3.50"
        )
    return Price(row["code"], int(fen))
