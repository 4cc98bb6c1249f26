"""Why a visit cannot be on a vehicle-day, in words; codes are those of the findings, P01 to P04 those of a repair."""

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "V01": ("已排满，别的时间也放不下", "other visits stand there, and no other time of the day fits"),
    "V02": ("路上时间不够", "too little time for the way"),
    "W01": ("超出工时", "the crew's day would be too long"),
    "T03": ("在开放时间之外", "outside the hours of the point"),
    "T04": ("该点当天不开放", "the point is closed on that weekday"),
    "Q01": ("没有护士", "no nurse in the crew"),
    "Q02": ("车上没有需要的设备", "the vehicle lacks equipment the point needs"),
    "Q03": ("车太长", "the vehicle is too long for the road"),
    "Q04": ("有人执照已到期", "a licence has ended"),
    "Q05": ("车辆年检到期或尚未启用", "the vehicle's inspection has ended, or it is not in service yet"),
    "Q06": ("座位不够", "more people than seats"),
    "S01": ("人员当天在别的车上", "someone of the crew is on another vehicle"),
    "L01": ("人员休假", "someone of the crew is on leave"),
    "L02": ("车辆停用", "the vehicle is in the workshop"),
    "L03": ("路不通", "the road is closed"),
    "L04": ("全县停诊", "nobody drives"),
    "H01": ("节假日", "public holiday"),
    "P01": ("该点当天已有巡诊", "the point is visited that day already"),
    "P02": ("已被调度员拒绝", "rejected by the coordinator"),
    "P03": ("已过去或来不及通知", "over, or too soon to be announced"),
    "P04": ("草稿没有这一天，先导入那个月", "the draft has no such day; import its month first"),
    "C01": ("规则给出的日子不够", "the rules give too few days"),
}
"""Code -> Chinese, English."""
