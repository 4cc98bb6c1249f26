"""Six personal health devices by IEEE 11073-20601, as simulated agents. Their values are made up."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Event
from typing import Final

from devices.framing.base import Frame
from devices.framing.ieee11073 import ApduFraming
from devices.simulators.phd_agent import Agent, AgentModel
from devices.transports.base import Transport
from recordings.ieee11073 import nomenclature as mdc
from recordings.ieee11073 import standard
from recordings.ieee11073.attributes import Entry, value_map
from recordings.ieee11073.configuration import ConfigObject, Configuration, numeric
from recordings.ieee11073.floats import float32, sfloat
from recordings.ieee11073.mder import absolute_time, octets, u16
from recordings.ieee11073.reports import fixed_report
from recordings.ieee11073.segments import Element, segment_map
from recordings.ieee11073.standard import BASIC, STAMP

_MAKER: Final = "simulated"
_WAIT_S: Final = 0.05
_STREAM_SECONDS: Final = 10


def _reports(*values: tuple[int, bytes]) -> Callable[[datetime], tuple[bytes, ...]]:
    """One fixed report of (handle, value), each with the device's time."""

    def at(now: datetime) -> tuple[bytes, ...]:
        return (fixed_report(0, tuple((handle, value + absolute_time(now)) for handle, value in values)),)

    return at


def _extended(number: int, *objects: ConfigObject) -> Configuration:
    return Configuration(number, {each.handle: each for each in objects})


def _saturations(now: datetime) -> tuple[bytes, ...]:
    """A report a second, as an oximeter on a finger sends: no time, nobody confirms."""
    del now
    return tuple(
        fixed_report(second, ((1, sfloat(Decimal(97 + second % 2))), (10, sfloat(Decimal(71 + second % 3)))))
        for second in range(_STREAM_SECONDS)
    )


_PRESSURE: Final = u16(3) + octets(b"".join(sfloat(Decimal(value)) for value in (128, 82, 97)))
_MEAL: Final = ConfigObject(
    mdc.MOC_METRIC_ENUM,
    2,
    {
        mdc.ATTR_ID_TYPE: u16(mdc.PART_PHD_DM) + u16(mdc.CTXT_GLU_MEAL),
        mdc.ATTR_METRIC_SPEC_SMALL: u16(0xF048),  # entered by hand
        mdc.ATTR_ATTRIBUTE_VAL_MAP: value_map((Entry(mdc.ATTR_ENUM_OBS_VAL_SIMP_OID, 2), STAMP)),
    },
)
_GLUCOSE: Final = numeric(1, mdc.CONC_GLU_CAPILLARY_WHOLEBLOOD, mdc.DIM_MILLI_MOLE_PER_L, (BASIC, STAMP))

BLOOD_PRESSURE: Final = AgentModel(
    _MAKER, "BP", mdc.DEV_SPEC_PROFILE_BP, standard.BLOOD_PRESSURE, _reports((1, _PRESSURE), (2, sfloat(Decimal(71))))
)
OXIMETER: Final = AgentModel(
    _MAKER, "OX", mdc.DEV_SPEC_PROFILE_PULS_OXIM, standard.OXIMETER, _saturations, is_stream=True
)
THERMOMETER: Final = AgentModel(
    _MAKER, "TH", mdc.DEV_SPEC_PROFILE_TEMP, standard.THERMOMETER, _reports((1, float32(Decimal("36.8"))))
)
SCALE: Final = AgentModel(
    _MAKER, "WS", mdc.DEV_SPEC_PROFILE_SCALE, standard.SCALE, _reports((1, float32(Decimal("62.4"))))
)
GLUCOSE: Final = AgentModel(
    _MAKER,
    "GL",
    mdc.DEV_SPEC_PROFILE_GLUCOSE,
    _extended(0x4000, _GLUCOSE, _MEAL),
    _reports((1, sfloat(Decimal("6.1"))), (2, u16(mdc.CTXT_GLU_MEAL_FASTING))),
    wants_time=True,
)
PEAK_FLOW: Final = AgentModel(
    _MAKER,
    "PF",
    mdc.DEV_SPEC_PROFILE_PEAK_FLOW,
    _extended(
        0x4000,
        numeric(1, mdc.FLOW_AWAY_EXP_FORCED_PEAK, mdc.DIM_X_L_PER_MIN, (BASIC, STAMP)),
        numeric(2, mdc.FLOW_AWAY_EXP_FORCED_PEAK_PB, mdc.DIM_X_L_PER_MIN, (BASIC, STAMP)),
        numeric(3, mdc.VOL_AWAY_EXP_FORCED_1S, mdc.DIM_X_L, (BASIC, STAMP)),
    ),
    _reports((1, sfloat(Decimal(412))), (2, sfloat(Decimal(520))), (3, sfloat(Decimal("2.45")))),
)


def glucose_with_memory(count: int, now: datetime) -> AgentModel:
    """A glucose meter that measures nothing now and keeps `count` values of the days before `now`."""
    stored = tuple(
        absolute_time(now - timedelta(days=day)) + sfloat(Decimal(50 + day % 50).scaleb(-1)) for day in range(count)
    )
    return AgentModel(
        _MAKER,
        "GLM",
        mdc.DEV_SPEC_PROFILE_GLUCOSE,
        _extended(0x4002, _GLUCOSE, ConfigObject(mdc.MOC_PMSTORE, 9)),
        lambda _: (),
        store=9,
        store_map=segment_map(
            (Element(mdc.MOC_METRIC_NU, mdc.PART_SCADA, mdc.CONC_GLU_CAPILLARY_WHOLEBLOOD, 1, (BASIC,)),)
        ),
        store_entries=stored,
    )


def simulate_blood_pressure(wire: Transport, stop: Event) -> None:
    """One measurement of a blood pressure monitor."""
    _simulate(BLOOD_PRESSURE, wire, stop)


def simulate_oximeter(wire: Transport, stop: Event) -> None:
    """Ten seconds of a pulse oximeter on a finger."""
    _simulate(OXIMETER, wire, stop)


def simulate_thermometer(wire: Transport, stop: Event) -> None:
    """One measurement of a thermometer."""
    _simulate(THERMOMETER, wire, stop)


def simulate_scale(wire: Transport, stop: Event) -> None:
    """One weighing."""
    _simulate(SCALE, wire, stop)


def simulate_glucose(wire: Transport, stop: Event) -> None:
    """One fasting value of a glucose meter that describes itself and wants its clock set."""
    _simulate(GLUCOSE, wire, stop)


def simulate_peak_flow(wire: Transport, stop: Event) -> None:
    """One blow into a peak flow meter that describes itself."""
    _simulate(PEAK_FLOW, wire, stop)


def _simulate(model: AgentModel, wire: Transport, stop: Event) -> None:
    agent = Agent(model, lambda: datetime.now(UTC))
    framing = ApduFraming()
    wire.write(agent.start())
    while not stop.is_set() and not agent.is_over:
        for item in framing.feed(wire.read(_WAIT_S)):
            reply = agent.hear(item.raw) if isinstance(item, Frame) else b""
            if reply:
                wire.write(reply)
