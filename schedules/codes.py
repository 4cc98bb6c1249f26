"""The codes of the findings.

F files, N notation, D data, R references, T times, V and Q vehicles and crews, S people, L leave and closures,
W working hours, H holidays, C coverage, A announcements, X exceptions.
"""

from typing import Final

SEVERITY: Final[dict[str, str]] = {
    "F01": "error",  # a file or sheet is missing
    "F02": "warning",  # a CSV file is in GBK
    "F03": "error",  # a column is missing
    "F04": "error",  # a row has more cells than the header
    "F05": "error",  # a file is neither UTF-8 nor GBK, or too large to read
    "F06": "error",  # a formula without a stored result
    "F07": "warning",  # a column we do not know; a misspelt name hides a value
    "N01": "warning",  # full-width signs, or a notation, read as plain ones
    "N02": "warning",  # an Excel serial number read as a date or time
    "N03": "info",  # a remark under a table passed over
    "D01": "error",  # an id used twice
    "D02": "error",  # not a date
    "D03": "error",  # not a time
    "D04": "error",  # coordinates outside the province
    "D05": "error",  # not a number, or below zero
    "D06": "error",  # an action that is none of move, cancel, substitute
    "D07": "error",  # an exception without what its action needs
    "D08": "error",  # a pattern not understood
    "D09": "error",  # a required cell is empty
    "D10": "error",  # a word that is not one of the allowed ones
    "D11": "error",  # a lunar pattern outside the known years
    "D12": "warning",  # two points of one village within 100 m
    "R01": "error",  # unknown point
    "R02": "error",  # unknown vehicle
    "R03": "error",  # unknown person
    "R04": "error",  # unknown village
    "R05": "error",  # unknown rule of an exception
    "R06": "error",  # the point of an exception is not its rule's
    "R07": "info",  # rows left out because a row they name was refused
    "T01": "error",  # end not after start
    "T02": "error",  # effective_to before effective_from
    "T03": "error",  # outside the hours of the point
    "T04": "error",  # on a weekday the point is closed
    "T05": "error",  # two versions of one visit hold at the same time
    "V01": "error",  # one vehicle at two places at once
    "V02": "error",  # too little time for the way between two points
    "S01": "error",  # one person on two vehicles at once
    "S02": "warning",  # one person changes vehicle within a day
    "Q01": "error",  # no nurse in the crew
    "Q02": "error",  # the vehicle lacks equipment the point needs
    "Q03": "error",  # the vehicle is too long for the road
    "Q04": "error",  # a licence has ended
    "Q05": "error",  # the vehicle's inspection has ended, or it is not in service yet
    "Q06": "error",  # more people than seats
    "L01": "error",  # a person on leave
    "L02": "error",  # a vehicle in the workshop
    "L03": "error",  # the road to the point is closed
    "L04": "error",  # a day on which nobody drives
    "W01": "warning",  # out longer than the working day
    "W02": "info",  # no time for lunch
    "H01": "error",  # a visit on a public holiday
    "H02": "warning",  # a visit on a weekend day that is no make-up workday
    "H03": "error",  # no holidays of a year
    "C01": "warning",  # fewer visits in a month than wanted; an error where there is none
    "C02": "warning",  # too long between two visits
    "C03": "error",  # a village without a point
    "A01": "warning",  # a change without an approver
    "A02": "warning",  # a change told too late
    "X01": "error",  # an exception of a visit that the rule does not have
    "X02": "error",  # two exceptions of one visit
}
"""Code -> severity."""
