"""What the vehicle's pages need to know beside the desk."""

import msgspec


class Phone(msgspec.Struct, frozen=True):
    """A number to call in an emergency; kept on the vehicle, so it works with no network."""

    number: str
    name_zh: str
    name_en: str


class SiteSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the nurse's pages.

    Attributes:
        vehicle: its id, for example V03.
        vehicle_name_zh, vehicle_name_en: what people call it; the id where empty.
        idle_lock_s: seconds without an act after which the tablet asks for the PIN again.
        is_https: whether the pages are served over TLS, so that the cookie may be marked secure.
        phones: whom to call in an emergency, most urgent first; 120 is China's medical emergency number.
    """

    vehicle: str
    vehicle_name_zh: str = ""
    vehicle_name_en: str = ""
    idle_lock_s: float = 15 * 60.0
    is_https: bool = False
    phones: tuple[Phone, ...] = (Phone("120", "急救中心", "Emergency medical centre"),)
