"""From the nomenclature to our observations, UCUM units, modalities and the words of a context."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from clinic_records.observations import BY_KEY
from clinic_records.reading import Code
from recordings.ieee11073 import nomenclature as mdc
from recordings.ieee11073.configuration import ConfigObject

_CAPILLARY: Final = {
    mdc.DIM_MILLI_G_PER_DL: "loinc:41653-7",
    mdc.DIM_MILLI_MOLE_PER_L: "loinc:14743-9",
}
_WHOLE_BLOOD: Final = {
    mdc.DIM_MILLI_G_PER_DL: "loinc:2339-0",
    mdc.DIM_MILLI_MOLE_PER_L: "loinc:15074-8",
}


class Meaning(NamedTuple):
    """What a metric is.

    Attributes:
        modality: of the reading it stands in.
        observation: `system:code` of clinic_records.observations, or one for each dimension where the kind of
            quantity depends on it (mass or amount of substance).
        context: what the metric says of how it was measured.
    """

    modality: str
    observation: str | Mapping[int, str]
    context: Mapping[str, str] = {}


METRICS: Final[Mapping[int, Meaning]] = {
    mdc.PULS_OXIM_SAT_O2: Meaning("oximetry", "loinc:59408-5"),
    mdc.PULS_OXIM_PULS_RATE: Meaning("oximetry", "loinc:8889-8"),
    mdc.PULS_OXIM_PERF_REL: Meaning("oximetry", "loinc:61006-3"),
    mdc.PRESS_BLD_NONINV_SYS: Meaning("blood-pressure", "loinc:8480-6"),
    mdc.PRESS_BLD_NONINV_DIA: Meaning("blood-pressure", "loinc:8462-4"),
    mdc.PRESS_BLD_NONINV_MEAN: Meaning("blood-pressure", "loinc:8478-0"),
    mdc.PULS_RATE_NON_INV: Meaning("blood-pressure", "loinc:8867-4"),
    mdc.TEMP_BODY: Meaning("temperature", "loinc:8310-5"),
    mdc.TEMP_TYMP: Meaning("temperature", "loinc:8310-5", {"site": "tympanum"}),
    mdc.TEMP_RECT: Meaning("temperature", "loinc:8310-5", {"site": "rectum"}),
    mdc.TEMP_ORAL: Meaning("temperature", "loinc:8310-5", {"site": "mouth"}),
    mdc.TEMP_EAR: Meaning("temperature", "loinc:8310-5", {"site": "ear"}),
    mdc.TEMP_FINGER: Meaning("temperature", "loinc:8310-5", {"site": "finger"}),
    mdc.TEMP_TOE: Meaning("temperature", "loinc:8310-5", {"site": "toe"}),
    mdc.TEMP_AXILLA: Meaning("temperature", "loinc:8310-5", {"site": "axilla"}),
    mdc.TEMP_GIT: Meaning("temperature", "loinc:8310-5", {"site": "gastrointestinal tract"}),
    mdc.FLOW_AWAY_EXP_FORCED_PEAK: Meaning("peak-flow", "loinc:19935-6"),
    mdc.FLOW_AWAY_EXP_FORCED_PEAK_PB: Meaning("peak-flow", "local:pef-personal-best"),
    mdc.VOL_AWAY_EXP_FORCED_1S: Meaning("peak-flow", "loinc:20150-9"),
    mdc.VOL_AWAY_EXP_FORCED_6S: Meaning("peak-flow", "local:fev6"),
    mdc.CONC_GLU_CAPILLARY_WHOLEBLOOD: Meaning("glucose", _CAPILLARY, {"specimen": "capillary whole blood"}),
    mdc.CONC_GLU_CAPILLARY_PLASMA: Meaning("glucose", _CAPILLARY, {"specimen": "capillary plasma"}),
    mdc.CONC_GLU_VENOUS_WHOLEBLOOD: Meaning("glucose", _WHOLE_BLOOD, {"specimen": "venous whole blood"}),
    mdc.CONC_GLU_GEN: Meaning("glucose", _WHOLE_BLOOD),
    mdc.MASS_BODY_ACTUAL: Meaning("body", "loinc:29463-7"),
    mdc.LEN_BODY_ACTUAL: Meaning("body", "loinc:8302-2"),
    mdc.RATIO_MASS_BODY_LEN_SQ: Meaning("body", "loinc:39156-5"),
    mdc.BODY_FAT: Meaning("body", "loinc:41982-0"),
}
"""Metrics of partition SCADA."""

UNITS: Final[Mapping[int, str]] = {
    mdc.DIM_DIMLESS: "1",
    mdc.DIM_PERCENT: "%",
    mdc.DIM_CENTI_M: "cm",
    mdc.DIM_INCH: "[in_i]",
    mdc.DIM_X_L: "L",
    mdc.DIM_MILLI_L: "mL",
    mdc.DIM_KILO_G: "kg",
    mdc.DIM_LB: "[lb_av]",
    mdc.DIM_KG_PER_M_SQ: "kg/m2",
    mdc.DIM_MILLI_G_PER_DL: "mg/dL",
    mdc.DIM_BEAT_PER_MIN: "/min",
    mdc.DIM_X_L_PER_SEC: "L/s",
    mdc.DIM_X_L_PER_MIN: "L/min",
    mdc.DIM_KILO_PASCAL: "kPa",
    mdc.DIM_MMHG: "mm[Hg]",
    mdc.DIM_FAHR: "[degF]",
    mdc.DIM_MILLI_MOLE_PER_L: "mmol/L",
    mdc.DIM_DEGC: "Cel",
}
"""Dimension -> UCUM."""

SUPPLEMENTS: Final[Mapping[int, str]] = {
    mdc.MODALITY_FAST: "fast",
    mdc.MODALITY_SLOW: "slow",
    mdc.MODALITY_SPOT: "spot",
}
"""Supplemental type -> how the value was averaged (11073-10404)."""

CONTEXTS: Final[Mapping[int, tuple[str, str]]] = {
    mdc.CTXT_GLU_MEAL_PREPRANDIAL: ("meal", "before"),
    mdc.CTXT_GLU_MEAL_POSTPRANDIAL: ("meal", "after"),
    mdc.CTXT_GLU_MEAL_FASTING: ("meal", "fasting"),
    mdc.CTXT_GLU_MEAL_CASUAL: ("meal", "casual"),
    mdc.CTXT_GLU_SAMPLELOCATION_FINGER: ("site", "finger"),
    mdc.CTXT_GLU_SAMPLELOCATION_AST: ("site", "alternative site"),
    mdc.CTXT_GLU_SAMPLELOCATION_EARLOBE: ("site", "earlobe"),
    mdc.CTXT_GLU_SAMPLELOCATION_CTRLSOLUTION: ("site", "control solution"),
}
"""Value of an enumeration of partition PHD_DM -> word of the context (11073-10417)."""


def code_of(meaning: Meaning, dimension: int) -> Code | None:
    """The observation of a metric in a dimension; None where we have none for both."""
    known = meaning.observation
    key = known if isinstance(known, str) else known.get(dimension, "")
    return BY_KEY[key].as_code() if key else None


def name_of(known: ConfigObject) -> str:
    """An object of a configuration in words: its handle, what it measures and its unit."""
    partition, metric = known.metric
    meanings = [METRICS[code] for code in known.parts or (metric,) if code in METRICS and partition == mdc.PART_SCADA]
    named = [code.display for code in (code_of(meaning, known.unit) for meaning in meanings) if code]
    unit = UNITS.get(known.unit, "")
    what = ", ".join(named) or f"class {known.object_class}, metric {partition}::{metric}"
    return f"object {known.handle}: {what}{f' [{unit}]' if unit else ''}"
