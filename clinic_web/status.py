"""Status words: one row a state, so that a page can never show two words for one state or one word for two.

A status is shown by three signs at once - icon shape, word and colour - and must be told apart in grey-scale.
`{...}` in a word is filled by the page. The rows follow the interface reference; tones are classes of `tokens.css`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple


class Tone(StrEnum):
    """The colour class of a tag."""

    NEUTRAL = "neutral"
    BLUE = "blue"
    BLUE_SOLID = "blue-solid"
    GOOD = "good"
    GOOD_SOLID = "good-solid"
    AMBER = "amber"
    VIOLET = "violet"
    RED = "red"
    STRUCK = "struck"


class Status(NamedTuple):
    """One state as it is shown: `key` is `<group>.<state>`."""

    key: str
    icon: str
    zh: str
    en: str
    tone: Tone

    @property
    def group(self) -> str:
        """What kind of thing is in this state."""
        return self.key.partition(".")[0]

    def word(self, lang: str) -> str:
        """The word in `lang` (`zh` or `en`)."""
        return self.en if lang == "en" else self.zh


_N, _B, _BS = Tone.NEUTRAL, Tone.BLUE, Tone.BLUE_SOLID
_G, _GS, _A, _V, _R, _X = Tone.GOOD, Tone.GOOD_SOLID, Tone.AMBER, Tone.VIOLET, Tone.RED, Tone.STRUCK

_ROWS: Final = (
    # A record on its way to the hospital. `received` only from a signed receipt, `seen` only with a name.
    Status("record.saved", "▣", "已存车上", "saved on vehicle", _N),
    Status("record.queued", "◔", "排队中", "queued", _N),
    Status("record.sending", "↑", "发送中", "sending", _B),
    Status("record.sent", "⇑", "已发出", "sent", _B),
    Status("record.received", "✓", "医院已收", "received by hospital", _G),
    Status("record.seen", "◉", "{name}已看 {time}", "seen by {name} {time}", _GS),
    Status("record.held", "‖", "医院暂存", "held by hospital", _V),
    Status("record.refused", "✕", "医院拒收", "refused by hospital", _R),
    Status("record.overdue", "△", "超时未收", "overdue", _A),
    Status("record.quarantined", "▨", "已隔离", "quarantined", _V),
    # Links.
    Status("link.online", "●", "有网", "online", _G),
    Status("link.offline", "◌", "无网", "no coverage", _N),
    Status("link.depot", "⇄", "车库网", "depot network", _B),
    Status("link.cut", "✕", "与车载主机断开", "tablet cut from vehicle", _R),
    Status("link.stale", "⏸", "画面不是最新", "display not live", _A),
    # Devices.
    Status("device.idle", "●", "就绪", "idle", _N),
    Status("device.armed", "◎", "正在等：{name}", "armed for {name}", _BS),
    Status("device.measuring", "~", "测量中", "measuring", _B),
    Status("device.taken", "⊘", "占用：{name}", "armed for {name} (another)", _N),
    Status("device.not-connected", "◌", "没连上", "not connected", _N),
    Status("device.fault", "✕", "故障", "fault", _R),
    Status("device.qc-due", "△", "待质控", "QC due", _A),
    Status("device.qc-failed", "✕", "质控不合格", "QC failed", _R),
    Status("device.clock-doubtful", "?", "时钟待核", "clock in doubt", _A),
    Status("device.old-data", "▨", "旧数据", "old data", _V),
    # Readings.
    Status("reading.bound", "✓", "已归入", "bound", _N),
    Status("reading.unbound", "?", "待认领", "unbound", _A),
    Status("reading.validated", "✓✓", "已审核", "validated", _G),
    Status("reading.rejected", "✕", "这次不算", "rejected", _N),
    Status("reading.superseded", "↻", "已被替换", "superseded", _N),
    Status("reading.no-qc", "△", "无质控", "no valid QC", _A),
    Status("reading.single", "1", "单次", "single reading", _N),
    # Encounters.
    Status("encounter.planned", "○", "已预约", "planned", _N),
    Status("encounter.arrived", "●", "已到", "arrived", _N),
    Status("encounter.triaged", "◆", "已分诊", "triaged", _N),
    Status("encounter.in-progress", "▶", "诊疗中", "in progress", _B),
    Status("encounter.finished", "✓", "已完成", "finished", _G),
    Status("encounter.cancelled", "—", "已取消", "cancelled", _N),
    Status("encounter.entered-in-error", "✕", "录入错误", "entered in error", _X),
    Status("encounter.awaiting-opinion", "⏳", "等会诊意见", "awaiting opinion", _A),
    # Stops.
    Status("stop.planned", "○", "计划", "planned", _N),
    Status("stop.en-route", "→", "在途", "en route", _B),
    Status("stop.open", "●", "开诊中", "open", _G),
    Status("stop.closed", "■", "已收诊", "closed", _N),
    Status("stop.reported", "✓", "已上报", "reported", _G),
    Status("stop.moved", "↷", "改期", "moved", _N),
    Status("stop.cancelled", "—", "取消", "cancelled", _N),
    Status("stop.missed", "✕", "未到", "missed", _R),
    # What the hospital sent to a vehicle.
    Status("message.waiting", "△", "还没人看", "seen by nobody here", _A),
    Status("message.taken-back", "✕", "已撤回", "withdrawn", _X),
    Status("recall.routine", "↻", "下次巡诊复查", "see again at the next stop", _N),
    Status("recall.today", "▲", "今天召回", "recall today", _A),
    Status("recall.now", "■", "立即召回", "recall now", _R),
    Status("right.may", "✓", "本车可发药", "to be dispensed here", _G),
    Status("right.may-not", "⊘", "本车不能发药", "not to be dispensed here", _R),
    # How a person's identity was checked.
    Status("identity.card+face", "✓", "人证一致", "card and face match", _G),
    Status("identity.card", "▤", "只刷卡", "card only", _N),
    Status("identity.known", "☺", "工作人员认识", "known to staff", _N),
    Status("identity.declared", "?", "本人口述", "declared by the person", _A),
    # Allergies: "not asked" is not "none".
    Status("allergy.not-asked", "?", "过敏：还没问", "allergies: not asked", _A),
    Status("allergy.asked-none", "—", "过敏：问过，没有", "allergies: none known", _N),
    Status("allergy.known", "▲", "过敏：{what}", "allergic to {what}", _R),
    Status("allergy.unknown", "?", "过敏：说不清", "allergies: cannot say", _A),
)

TABLE: Final[Mapping[str, Status]] = {row.key: row for row in _ROWS}


def status(key: str) -> Status:
    """The row of `key`.

    Raises:
        KeyError: no such state: a page that invents one is a defect.
    """
    return TABLE[key]
