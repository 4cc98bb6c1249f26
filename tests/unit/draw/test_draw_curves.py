"""Drawings measured in their own millimetres."""

import re
from itertools import accumulate
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from clinic_records.errors import RefusedInput
from clinic_web.draw.ecg import LAYOUTS, ecg_svg
from clinic_web.draw.flow_volume import flow_volume_svg
from clinic_web.draw.pleth import pleth_svg
from clinic_web.draw.svg import curve
from recordings.leads import TWELVE
from recordings.signal import Signal

SVG = "{http://www.w3.org/2000/svg}"


def square(hz: float = 500, unit: str = "uV", height: float = 1000.0, offset: float = 0.0) -> Signal:
    """Ten seconds at 0 with 1 mV from 1.0 s to 1.2 s of every 2.5 s."""
    time = np.arange(round(10 * hz)) / hz
    high = (time % 2.5 >= 1.0 - 1e-9) & (time % 2.5 < 1.2 - 1e-9)
    return Signal("II", unit, hz, np.where(high, height, 0.0) + offset)


def paths(svg: str, name: str) -> list[np.ndarray]:
    """Points in mm of every path of that name."""
    found = []
    for element in ET.fromstring(svg).iter(f"{SVG}path"):
        if element.get("data-name") != name:
            continue
        scale = float(re.sub(r"[^0-9.]", "", element.get("transform") or "1"))
        steps = re.findall(r"([MlhvHV])(-?[\d.]+)(?: (-?[\d.]+))?", element.get("d") or "")
        found.append(np.array(list(accumulate(steps, step, initial=(0.0, 0.0)))[1:]) * scale)
    return found


def step(at: tuple[float, float], command: tuple[str, str, str]) -> tuple[float, float]:
    letter, first, second = command
    value = float(first)
    if letter in "Ml":
        return (value, float(second)) if letter == "M" else (at[0] + value, at[1] + float(second))
    return (at[0] + value, at[1]) if letter == "h" else (at[0], at[1] + value)


def twelve(signal: Signal) -> list[Signal]:
    return [Signal(name, signal.unit, signal.sampling_hz, signal.samples) for name in TWELVE]


@pytest.mark.parametrize("hz", [100, 250, 500, 1000, 4000])
@pytest.mark.parametrize(("unit", "height"), [("uV", 1000.0), ("mV", 1.0)])
@pytest.mark.parametrize(("gain", "speed"), [(10, 25), (5, 50), (20, 25)])
def test_a_millivolt_and_a_second_have_their_length(hz: float, unit: str, height: float, gain: int, speed: int) -> None:
    """1 mV = `gain` mm and 0.2 s = 0.2 x `speed` mm within 1 %, in every lead and whatever the sampling rate."""
    drawing = ecg_svg(twelve(square(hz, unit, height, offset=3.3)), gain_mm_mv=gain, speed_mm_s=speed)
    for lead in TWELVE:
        for points in paths(drawing, lead):
            assert np.ptp(points[:, 1]) == pytest.approx(gain, rel=0.01)
            top = points[points[:, 1] < points[:, 1].min() + 0.01]
            first_pulse = top[top[:, 0] < top[0, 0] + speed]
            assert np.ptp(first_pulse[:, 0]) == pytest.approx(0.2 * speed, abs=1.2 * speed / hz + 0.1)
    rhythm = paths(drawing, "II")[-1]
    assert np.ptp(rhythm[:, 0]) == pytest.approx(10 * speed, rel=0.01)


def test_calibration_pulse_is_ten_by_five_before_every_row() -> None:
    pulses = paths(ecg_svg(twelve(square())), "pulse")
    assert len(pulses) == 4
    for points in pulses:
        assert np.ptp(points[:, 1]) == pytest.approx(10)
        top = points[points[:, 1] == points[:, 1].min()]
        assert np.ptp(top[:, 0]) == pytest.approx(5)


def test_page_is_in_real_millimetres() -> None:
    root = ET.fromstring(ecg_svg(twelve(square())))
    width, height = root.get("width", ""), root.get("height", "")
    assert root.get("viewBox") == f"0 0 {width.removesuffix('mm')} {height.removesuffix('mm')}"
    assert float(width.removesuffix("mm")) <= 297
    assert float(height.removesuffix("mm")) <= 210


def test_writing_names_leads_speed_and_gain() -> None:
    words = [e.text or "" for e in ET.fromstring(ecg_svg(twelve(square()), caption="<王>")).iter(f"{SVG}text")]
    assert set(TWELVE) <= set(words)
    assert "25 mm/s · 10 mm/mV · 500 Hz · <王>" in words


def test_columns_are_cut_from_one_time() -> None:
    """The pulse of each 2.5 s stands at the same place of each column."""
    drawing = ecg_svg(twelve(square()))
    starts = [paths(drawing, lead)[0] for lead in ("I", "aVR", "V1", "V4")]
    rises = [points[points[:, 1] < points[:, 1].min() + 0.01][0, 0] - points[0, 0] for points in starts]
    assert rises == pytest.approx([25.0] * 4, abs=0.1)


def test_lead_that_was_not_recorded_is_said() -> None:
    drawing = ecg_svg([square()])
    assert drawing.count("未记录 not recorded") == 11
    assert len(paths(drawing, "II")) == 2


def test_lead_without_electrode_counts_as_not_recorded() -> None:
    drawing = ecg_svg([square(), Signal("V1", "uV", 500, np.full(5000, np.nan))])
    assert drawing.count("未记录 not recorded") == 11
    assert paths(drawing, "V1") == []


def test_pressure_beside_the_ecg_is_named_not_drawn() -> None:
    pressure = Signal("ABP", "mm[Hg]", 120, np.full(1200, 80.0))
    drawing = ecg_svg([square(), pressure])
    assert "未画 not drawn: ABP [mm[Hg]]" in drawing
    assert (len(paths(drawing, "II")), paths(drawing, "ABP")) == (2, [])
    with pytest.raises(RefusedInput, match=r"no voltage, only ABP \[mm\[Hg\]\]"):
        ecg_svg([pressure])


def test_other_signals_get_a_row_each() -> None:
    drawing = ecg_svg([Signal("MCL1", "mV", 500, np.zeros(100)), Signal("X", "mV", 500, np.zeros(100))])
    assert (len(paths(drawing, "MCL1")), len(paths(drawing, "pulse"))) == (1, 2)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_hold_every_lead(layout: str) -> None:
    drawing = ecg_svg(twelve(square()), layout=layout, paper="grey")
    assert all(paths(drawing, lead) for lead in TWELVE)


def test_gap_lifts_the_pen() -> None:
    samples = np.zeros(5000)
    samples[100:200] = np.nan
    drawing = ecg_svg([Signal("II", "uV", 500, samples)])
    path = next(e for e in ET.fromstring(drawing).iter(f"{SVG}path") if e.get("data-name") == "II")
    assert (path.get("d") or "").count("M") == 2


@pytest.mark.parametrize(
    ("signals", "options"),
    [
        ([], {}),
        ([Signal("II", "L", 500, np.zeros(5))], {}),
        ([square()], {"layout": "none"}),
        ([square()], {"paper": "green"}),
    ],
)
def test_what_cannot_be_drawn_is_refused(signals: list[Signal], options: dict[str, str]) -> None:
    with pytest.raises(RefusedInput, match="ECG drawing"):
        ecg_svg(signals, layout=options.get("layout", "3x4"), paper=options.get("paper", "day"))


@pytest.mark.parametrize("height", [1000.0, -1000.0])
def test_a_spike_of_one_sample_is_never_thinned_away(height: float) -> None:
    samples = np.zeros(40_000)
    samples[[1001, 20_002, 39_999]] = height
    points = paths(ecg_svg([Signal("II", "uV", 4000, samples)]), "II")[-1]
    base = np.median(points[:, 1])
    assert (np.abs(points[:, 1] - (base - height / 100)) < 0.02).sum() == 3


def test_a_curve_that_turns_back_on_itself_keeps_its_end() -> None:
    (points,) = paths(flow_volume_svg([0.0, 3.0, 1.0], [0.0, 0.0, 0.0]), "flow-volume")
    assert np.ptp(points[:, 0]) == pytest.approx(60)


@settings(deadline=None)
@given(hnp.arrays(np.float64, st.integers(2, 60), elements=st.floats(-50, 50)))
def test_a_compact_path_goes_through_every_point(y: np.ndarray) -> None:
    """Points left out lie on the straight line between those kept."""
    x = np.arange(len(y), dtype=np.float64)
    root = f'<svg xmlns="http://www.w3.org/2000/svg">{curve(x, y, "#000", 0.3, "c")}</svg>'
    points = paths(root, "c")[0]
    assert np.abs(np.interp(x, points[:, 0], points[:, 1]) - y).max() <= 0.011


def test_one_litre_is_as_long_as_two_litres_a_second() -> None:
    drawing = flow_volume_svg([0.0, 1.0, 1.0], [0.0, 0.0, 2.0])
    (points,) = paths(drawing, "flow-volume")
    assert points[1, 0] - points[0, 0] == pytest.approx(points[1, 1] - points[2, 1])
    assert points[1, 0] - points[0, 0] == pytest.approx(20)


def test_axes_have_units_and_hold_the_curve() -> None:
    volume, flow = np.array([0, 2, 6.3, 3, 0.0]), np.array([0, 11.2, 0, -5.1, 0.0])
    drawing = flow_volume_svg(volume, flow, caption="第2次")
    root = ET.fromstring(drawing)
    words = [e.text for e in root.iter(f"{SVG}text")]
    assert {"流量 flow (L/s)", "容积 volume (L)", "7", "12", "-6", "第2次"} <= set(words)
    (points,) = paths(drawing, "flow-volume")
    assert points.min() >= 0
    assert points[:, 0].max() <= float(root.get("width", "").removesuffix("mm"))
    assert points[:, 1].max() <= float(root.get("height", "").removesuffix("mm"))


def test_no_curve_is_said() -> None:
    assert "没有曲线 no curve" in flow_volume_svg([], [])


@pytest.mark.parametrize(("volume", "flow"), [([1.0], [1.0, 2.0]), ([500.0], [1.0]), ([1.0], [1e9]), ([1.0], [-1e9])])
def test_no_lung_is_refused(volume: list[float], flow: list[float]) -> None:
    with pytest.raises(RefusedInput, match="flow-volume"):
        flow_volume_svg(volume, flow)


def test_pulse_wave_has_a_row_for_ten_seconds_and_a_gap_lifts_the_pen() -> None:
    samples = np.sin(np.arange(1250) / 8)
    samples[100:120] = np.nan
    drawn = pleth_svg(Signal("pleth", "1", 60.0, samples), caption="设备没有时钟")
    root = ET.fromstring(drawn)
    rows = [path for path in root.iter(f"{SVG}path") if (path.get("data-name") or "").startswith("pleth")]
    assert len(rows) == 3
    assert (rows[0].get("d") or "").count("M") == 2
    assert "高度无单位" in drawn
    for rate, count in ((0.0, 10), (60.0, 0), (60.0, 60 * 121)):
        with pytest.raises(RefusedInput, match="can be drawn"):
            pleth_svg(Signal("pleth", "1", rate, np.zeros(count)))
    assert pleth_svg(Signal("pleth", "1", 60.0, np.full(60, np.nan)))
