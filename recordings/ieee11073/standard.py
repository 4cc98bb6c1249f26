"""Configurations that a specialization fixes, so that an agent need not send them: id `zz * 100 + n` for 11073-104zz.

Sources: 11073-10404 (0190, 0191), -10407 (02BC), -10415 (05DC), -10417 (06A4) in the tables of signove/antidote's
src/specializations; 11073-10408 (0320) in conqlima/Antidote and in Freescale's PHD library, whose value map is taken
(a FLOAT of 4 bytes). An id that is not here is answered "unknown", and the agent sends its configuration.
"""

from collections.abc import Mapping
from typing import Final

from recordings.ieee11073 import nomenclature as mdc
from recordings.ieee11073.attributes import Entry
from recordings.ieee11073.configuration import ConfigObject, Configuration, numeric

BASIC: Final = Entry(mdc.ATTR_NU_VAL_OBS_BASIC, 2)
SIMPLE: Final = Entry(mdc.ATTR_NU_VAL_OBS_SIMP, 4)
COMPOUND_3: Final = Entry(mdc.ATTR_NU_CMPD_VAL_OBS_BASIC, 10)
STAMP: Final = Entry(mdc.ATTR_TIME_STAMP_ABS, 8)
PRESSURES: Final = (mdc.PRESS_BLD_NONINV_SYS, mdc.PRESS_BLD_NONINV_DIA, mdc.PRESS_BLD_NONINV_MEAN)


def _of(number: int, *objects: ConfigObject) -> Configuration:
    return Configuration(number, {each.handle: each for each in objects})


OXIMETER: Final = _of(
    0x0190,
    numeric(1, mdc.PULS_OXIM_SAT_O2, mdc.DIM_PERCENT, (BASIC,)),
    numeric(10, mdc.PULS_OXIM_PULS_RATE, mdc.DIM_BEAT_PER_MIN, (BASIC,)),
)
OXIMETER_SPOT: Final = _of(
    0x0191,
    numeric(1, mdc.PULS_OXIM_SAT_O2, mdc.DIM_PERCENT, (BASIC, STAMP), supplement=mdc.MODALITY_SPOT),
    numeric(10, mdc.PULS_OXIM_PULS_RATE, mdc.DIM_BEAT_PER_MIN, (BASIC, STAMP), supplement=mdc.MODALITY_SPOT),
)
BLOOD_PRESSURE: Final = _of(
    0x02BC,
    numeric(1, mdc.PRESS_BLD_NONINV, mdc.DIM_MMHG, (COMPOUND_3, STAMP), parts=PRESSURES),
    numeric(2, mdc.PULS_RATE_NON_INV, mdc.DIM_BEAT_PER_MIN, (BASIC, STAMP)),
)
THERMOMETER: Final = _of(0x0320, numeric(1, mdc.TEMP_BODY, mdc.DIM_DEGC, (SIMPLE, STAMP)))
SCALE: Final = _of(0x05DC, numeric(1, mdc.MASS_BODY_ACTUAL, mdc.DIM_KILO_G, (SIMPLE, STAMP)))
GLUCOSE: Final = _of(0x06A4, numeric(1, mdc.CONC_GLU_CAPILLARY_WHOLEBLOOD, mdc.DIM_MILLI_G_PER_DL, (BASIC, STAMP)))

STANDARD: Final[Mapping[int, Configuration]] = {
    each.id: each for each in (OXIMETER, OXIMETER_SPOT, BLOOD_PRESSURE, THERMOMETER, SCALE, GLUCOSE)
}
"""By id."""


def that_fit(sizes: Mapping[int, int]) -> tuple[Configuration, ...]:
    """The standard configurations whose objects have these handles and report sizes (handle -> bytes), best first.

    Only those that explain most of the handles and contradict none; none where nothing fits.
    """
    explained = {each.id: _explains(each, sizes) for each in STANDARD.values()}
    most = max(explained.values())
    return tuple(STANDARD[number] for number, count in explained.items() if count == most and most > 0)


def _explains(configuration: Configuration, sizes: Mapping[int, int]) -> int:
    shared = configuration.objects.keys() & sizes.keys()
    fitting = [h for h in shared if sum(e.size for e in configuration.objects[h].value_map) == sizes[h]]
    return len(fitting) if len(fitting) == len(shared) == len(configuration.objects) else 0
