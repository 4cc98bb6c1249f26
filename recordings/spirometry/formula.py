"""A forced expiration made by formula, for the simulator; never shown as a person's measurement.

Formula: emptying of one compartment with time constant tau = resistance x compliance, V(t) = V (1 - exp(-t / tau))
(Otis et al., Mechanical factors in distribution of pulmonary ventilation, J Appl Physiol 1956; 8: 427-443), so the
descending limb of the flow-volume curve is a straight line. Before it flow rises in a straight line to its peak, in
the 80 ms over which ATS/ERS 2019 (table 5, "rise time" under 150 ms) finds a good start.

With rise time r, peak flow P: V(r) = P r / 2; V(t) = P r / 2 + P tau (1 - exp(-(t - r) / tau)) for t >= r. The
back-extrapolated time zero is r / 2, where the tangent at the peak meets volume 0 (ATS/ERS 2019, figure 3).
"""

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np

from clinic_records.errors import RefusedInput
from recordings.spirometry.sp80b import Curve

RISE_S: Final = 0.08
FORMULA: Final = "one-compartment emptying, Otis 1956; linear rise of 80 ms"


@dataclass(frozen=True, slots=True)
class ForcedExpiration:
    """One made manoeuvre: volumes L, flows L/s, times s; values by closed form, not read from the curve."""

    fvc: float
    tau_s: float
    duration_s: float = 6.0
    rate_hz: float = 100.0

    def __post_init__(self) -> None:
        if not (0 < self.fvc < 12 and 0.05 <= self.tau_s <= 5 and 1.5 <= self.duration_s <= 30):
            raise RefusedInput(f"forced expiration: FVC {self.fvc} L, tau {self.tau_s} s, {self.duration_s} s")

    @property
    def pef(self) -> float:
        """Peak flow P so that V(duration) is the FVC."""
        emptied = 1 - math.exp(-(self.duration_s - RISE_S) / self.tau_s)
        return self.fvc / (RISE_S / 2 + self.tau_s * emptied)

    def volume_at(self, seconds: float) -> float:
        """Litres expired `seconds` after the first flow."""
        if seconds < RISE_S:
            return self.pef * max(seconds, 0.0) ** 2 / (2 * RISE_S)
        return self.pef * (RISE_S / 2 + self.tau_s * (1 - math.exp(-(seconds - RISE_S) / self.tau_s)))

    def time_of(self, litres: float) -> float:
        """Seconds at which `litres` are expired; the inverse of `volume_at`."""
        first = self.pef * RISE_S / 2
        if litres < first:
            return math.sqrt(2 * RISE_S * litres / self.pef)
        return RISE_S - self.tau_s * math.log1p(-(litres - first) / (self.pef * self.tau_s))

    def flow_after(self, part: float) -> float:
        """Flow when `part` (0..1) of the FVC is expired."""
        seconds = self.time_of(part * self.fvc)
        return self.pef * min(seconds / RISE_S, math.exp(-max(seconds - RISE_S, 0.0) / self.tau_s))

    def fev(self, seconds: float) -> float:
        """FEV of so many seconds after the back-extrapolated time zero, at most the FVC."""
        return min(self.volume_at(min(seconds + RISE_S / 2, self.duration_s)), self.fvc)

    @property
    def fef2575(self) -> float:
        """Mean flow between a quarter and three quarters of the FVC."""
        return self.fvc / 2 / (self.time_of(0.75 * self.fvc) - self.time_of(0.25 * self.fvc))

    def numbers(self) -> dict[str, Decimal]:
        """The numbers of `Sp80bResult` under its field names, rounded as the device rounds them."""
        fev1 = self.fev(1)
        hundredths = {
            "fvc": self.fvc,
            "fev05": self.fev(0.5),
            "fev1": fev1,
            "fev3": self.fev(3),
            "fev6": self.fev(6),
            "pef": self.pef,
            "fef25": self.flow_after(0.25),
            "fef50": self.flow_after(0.5),
            "fef75": self.flow_after(0.75),
            "fef2575": self.fef2575,
        }
        rounded = {name: Decimal(value).quantize(Decimal("0.01")) for name, value in hundredths.items()}
        return rounded | {"fev1_fvc": Decimal(100 * fev1 / self.fvc).quantize(Decimal("0.1"))}

    def curve(self) -> Curve:
        """The wave, from the first flow to the end."""
        time = np.arange(round(self.duration_s * self.rate_hz) + 1) / self.rate_hz
        later = np.maximum(time - RISE_S, 0.0)
        is_rising = time < RISE_S
        flow = self.pef * np.where(is_rising, time / RISE_S, np.exp(-later / self.tau_s))
        emptied = self.tau_s * (1 - np.exp(-later / self.tau_s))
        volume = self.pef * np.where(is_rising, time**2 / (2 * RISE_S), RISE_S / 2 + emptied)
        return Curve(time, flow, volume)
