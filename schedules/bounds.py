"""Where a province lies, so that swapped or mistyped coordinates are seen.

Boxes of whole degrees around each province, generous on every side, by the first two digits of the administrative
code (GB/T 2260). Outside its box a point certainly is not in the province; inside, nobody knows yet.
"""

from typing import Final, NamedTuple


class Box(NamedTuple):
    """West, east, south and north in degrees (CGCS2000)."""

    zh: str
    en: str
    west: float
    east: float
    south: float
    north: float

    def holds(self, lon: float, lat: float) -> bool:
        """Whether a place lies inside."""
        return self.west <= lon <= self.east and self.south <= lat <= self.north


_CHINA: Final = Box("中国", "China", 73, 136, 3, 54)

_PROVINCES: Final[dict[str, Box]] = {
    "11": Box("北京市", "Beijing", 115, 118, 39, 42),
    "12": Box("天津市", "Tianjin", 116, 119, 38, 41),
    "13": Box("河北省", "Hebei", 113, 120, 36, 43),
    "14": Box("山西省", "Shanxi", 110, 115, 34, 41),
    "15": Box("内蒙古自治区", "Inner Mongolia", 97, 127, 37, 54),
    "21": Box("辽宁省", "Liaoning", 118, 126, 38, 44),
    "22": Box("吉林省", "Jilin", 121, 132, 40, 47),
    "23": Box("黑龙江省", "Heilongjiang", 121, 136, 43, 54),
    "31": Box("上海市", "Shanghai", 120, 123, 30, 32),
    "32": Box("江苏省", "Jiangsu", 116, 122, 30, 36),
    "33": Box("浙江省", "Zhejiang", 118, 124, 27, 32),
    "34": Box("安徽省", "Anhui", 114, 120, 29, 35),
    "35": Box("福建省", "Fujian", 115, 121, 23, 29),
    "36": Box("江西省", "Jiangxi", 113, 119, 24, 31),
    "37": Box("山东省", "Shandong", 114, 123, 34, 39),
    "41": Box("河南省", "Henan", 110, 117, 31, 37),
    "42": Box("湖北省", "Hubei", 108, 117, 29, 34),
    "43": Box("湖南省", "Hunan", 108, 115, 24, 31),
    "44": Box("广东省", "Guangdong", 109, 118, 20, 26),
    "45": Box("广西壮族自治区", "Guangxi", 104, 113, 20, 27),
    "46": Box("海南省", "Hainan", 108, 118, 3, 21),
    "50": Box("重庆市", "Chongqing", 105, 111, 28, 33),
    "51": Box("四川省", "Sichuan", 97, 109, 26, 35),
    "52": Box("贵州省", "Guizhou", 103, 110, 24, 30),
    "53": Box("云南省", "Yunnan", 97, 107, 21, 30),
    "54": Box("西藏自治区", "Tibet", 78, 100, 26, 37),
    "61": Box("陕西省", "Shaanxi", 105, 112, 31, 40),
    "62": Box("甘肃省", "Gansu", 92, 109, 32, 43),
    "63": Box("青海省", "Qinghai", 89, 104, 31, 40),
    "64": Box("宁夏回族自治区", "Ningxia", 104, 108, 35, 40),
    "65": Box("新疆维吾尔自治区", "Xinjiang", 73, 97, 34, 50),
}


def box_of(code: str) -> Box:
    """The box of an administrative code's province; that of the country where the code names none."""
    return _PROVINCES.get(code[:2], _CHINA)
