"""What a device can say in numbers: one row a code, with the unit we keep it in and its name in both languages.

LOINC codes and their meaning are LOINC's (loinc.org, 2.x); their last digit is a check digit, which the tests compute.
A quantity no LOINC term was found for has a `local` code.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from clinic_records.reading import Code


class Observation(NamedTuple):
    """One row; `unit` is UCUM, empty for a study that is not a number."""

    system: str
    code: str
    unit: str
    name_zh: str
    name_en: str

    @property
    def key(self) -> str:
        """`system:code`, as the catalog writes it."""
        return f"{self.system}:{self.code}"

    def as_code(self) -> Code:
        """The coded concept of a Numeric."""
        return Code(self.system, self.code, self.name_en)


OBSERVATIONS: Final[tuple[Observation, ...]] = (
    # cardiac and vitals
    Observation("loinc", "11524-6", "", "心电图", "EKG study"),
    Observation("loinc", "18754-2", "", "动态心电图", "Holter monitor study"),
    Observation("loinc", "8867-4", "/min", "心率", "Heart rate"),
    Observation("loinc", "8889-8", "/min", "脉率", "Heart rate by pulse oximetry"),
    Observation("loinc", "8625-6", "ms", "PR 间期", "PR interval"),
    Observation("loinc", "8633-0", "ms", "QRS 时限", "QRS duration"),
    Observation("loinc", "8634-8", "ms", "QT 间期", "QT interval"),
    Observation("loinc", "8636-3", "ms", "QTc", "QTc"),
    Observation("loinc", "8637-1", "ms", "RR 间期", "RR interval"),
    Observation("local", "ecg-p-duration", "ms", "P 波时限", "P duration"),
    Observation("loinc", "8626-4", "deg", "P 电轴", "P axis"),
    Observation("loinc", "8632-2", "deg", "QRS 电轴", "QRS axis"),
    Observation("loinc", "8638-9", "deg", "T 电轴", "T axis"),
    Observation("loinc", "8480-6", "mm[Hg]", "收缩压", "Systolic blood pressure"),
    Observation("loinc", "8462-4", "mm[Hg]", "舒张压", "Diastolic blood pressure"),
    Observation("loinc", "8478-0", "mm[Hg]", "平均压", "Mean blood pressure"),
    Observation("loinc", "59408-5", "%", "血氧饱和度", "Oxygen saturation by pulse oximetry"),
    Observation("loinc", "61006-3", "%", "灌注指数", "Perfusion index"),
    Observation("loinc", "8310-5", "Cel", "体温", "Body temperature"),
    # imaging; codes and meanings of measurements as DICOM PS3.16, CID 12005, 12201 and 12203 have them
    Observation("loinc", "10230-1", "%", "左室射血分数", "Left ventricular ejection fraction"),
    Observation("loinc", "18043-0", "%", "左室射血分数（超声）", "Left ventricular ejection fraction by US"),
    Observation("loinc", "29436-3", "cm", "左室舒张末内径", "Left ventricle internal end diastolic dimension"),
    Observation("loinc", "29438-9", "cm", "左室收缩末内径", "Left ventricle internal systolic dimension"),
    Observation("loinc", "18051-3", "%", "左室短轴缩短率", "Left ventricular fractional shortening"),
    Observation("loinc", "11820-8", "cm", "双顶径", "Biparietal diameter"),
    Observation("loinc", "11984-2", "cm", "头围（胎儿）", "Head circumference (fetus)"),
    Observation("loinc", "11979-2", "cm", "腹围（胎儿）", "Abdominal circumference (fetus)"),
    Observation("loinc", "11963-6", "cm", "股骨长（胎儿）", "Femur length (fetus)"),
    Observation("loinc", "36643-5", "", "胸片", "Chest X-ray, 2 views"),
    Observation("local", "fundus-photograph", "", "眼底照相", "Fundus photograph"),
    Observation("local", "bone-density-report", "", "骨密度报告", "Bone density report"),
    # respiratory
    Observation("loinc", "19868-9", "L", "FVC 用力肺活量", "FVC"),
    Observation("loinc", "20150-9", "L", "FEV1 第1秒用力呼气量", "FEV1"),
    Observation("loinc", "19926-5", "%", "FEV1/FVC 一秒率", "FEV1/FVC"),
    Observation("loinc", "19935-6", "L/s", "PEF 最大呼气流量", "PEF"),
    Observation("local", "fef25-75", "L/s", "FEF25-75 中段平均流量", "FEF25-75"),
    Observation("local", "fev0.5", "L", "FEV0.5 前0.5秒呼气量", "FEV0.5"),
    Observation("local", "fev3", "L", "FEV3 前3秒呼气量", "FEV3"),
    Observation("local", "fev6", "L", "FEV6 前6秒呼气量", "FEV6"),
    Observation("local", "fef25", "L/s", "FEF25 呼出25%时流量", "FEF25"),
    Observation("local", "fef50", "L/s", "FEF50 呼出50%时流量", "FEF50"),
    Observation("local", "fef75", "L/s", "FEF75 呼出75%时流量", "FEF75"),
    Observation("local", "fet", "s", "FET 呼气时间", "FET"),
    Observation("local", "pef-personal-best", "L/s", "PEF 个人最佳值", "Personal best PEF"),
    Observation("loinc", "14743-9", "mmol/L", "末梢血糖", "Capillary glucose by glucometer"),
    Observation("loinc", "41653-7", "mg/dL", "末梢血糖", "Capillary glucose by glucometer"),
    Observation("loinc", "15074-8", "mmol/L", "血糖", "Glucose in blood"),
    Observation("loinc", "2339-0", "mg/dL", "血糖", "Glucose in blood"),
    # biochemistry, in serum or plasma
    Observation("loinc", "1742-6", "U/L", "ALT 丙氨酸氨基转移酶", "ALT"),
    Observation("loinc", "1920-8", "U/L", "AST 天门冬氨酸氨基转移酶", "AST"),
    Observation("loinc", "6768-6", "U/L", "ALP 碱性磷酸酶", "Alkaline phosphatase"),
    Observation("loinc", "2324-2", "U/L", "GGT 谷氨酰转移酶", "GGT"),
    Observation("loinc", "2885-2", "g/L", "总蛋白", "Total protein"),
    Observation("loinc", "1751-7", "g/L", "白蛋白", "Albumin"),
    Observation("loinc", "14631-6", "umol/L", "总胆红素", "Total bilirubin"),
    Observation("loinc", "14682-9", "umol/L", "肌酐", "Creatinine"),
    Observation("loinc", "22664-7", "mmol/L", "尿素", "Urea"),
    Observation("loinc", "14933-6", "umol/L", "尿酸", "Urate"),
    Observation("loinc", "14749-6", "mmol/L", "葡萄糖", "Glucose in serum or plasma"),
    Observation("loinc", "14647-2", "mmol/L", "总胆固醇", "Total cholesterol"),
    Observation("loinc", "14927-8", "mmol/L", "甘油三酯", "Triglyceride"),
    Observation("loinc", "14646-4", "mmol/L", "HDL-C 高密度脂蛋白胆固醇", "HDL cholesterol"),
    Observation("loinc", "22748-8", "mmol/L", "LDL-C 低密度脂蛋白胆固醇", "LDL cholesterol"),
    # point of care
    Observation("loinc", "4548-4", "%", "糖化血红蛋白 HbA1c", "HbA1c"),
    Observation("loinc", "59261-8", "mmol/mol", "糖化血红蛋白 HbA1c（IFCC）", "HbA1c (IFCC)"),
    # haematology, by an automated count of blood
    Observation("loinc", "6690-2", "10*9/L", "WBC 白细胞", "White blood cells"),
    Observation("loinc", "789-8", "10*12/L", "RBC 红细胞", "Red blood cells"),
    Observation("loinc", "718-7", "g/L", "HGB 血红蛋白", "Haemoglobin"),
    Observation("loinc", "4544-3", "%", "HCT 红细胞压积", "Haematocrit"),
    Observation("loinc", "787-2", "fL", "MCV 平均红细胞体积", "MCV"),
    Observation("loinc", "785-6", "pg", "MCH 平均血红蛋白量", "MCH"),
    Observation("loinc", "786-4", "g/L", "MCHC 平均血红蛋白浓度", "MCHC"),
    Observation("loinc", "777-3", "10*9/L", "PLT 血小板", "Platelets"),
    Observation("loinc", "736-9", "%", "LYM% 淋巴细胞百分比", "Lymphocytes, fraction"),
    Observation("loinc", "731-0", "10*9/L", "LYM# 淋巴细胞", "Lymphocytes"),
    Observation("local", "mixed-cells-fraction", "%", "MXD% 中间细胞百分比", "Mixed cells, fraction"),
    Observation("local", "mixed-cells", "10*9/L", "MXD# 中间细胞", "Mixed cells"),
    Observation("loinc", "770-8", "%", "NEUT% 中性粒细胞百分比", "Neutrophils, fraction"),
    Observation("loinc", "751-8", "10*9/L", "NEUT# 中性粒细胞", "Neutrophils"),
    Observation("loinc", "5905-5", "%", "MON% 单核细胞百分比", "Monocytes, fraction"),
    Observation("loinc", "742-7", "10*9/L", "MON# 单核细胞", "Monocytes"),
    Observation("loinc", "713-8", "%", "EOS% 嗜酸性粒细胞百分比", "Eosinophils, fraction"),
    Observation("loinc", "711-2", "10*9/L", "EOS# 嗜酸性粒细胞", "Eosinophils"),
    Observation("loinc", "706-2", "%", "BAS% 嗜碱性粒细胞百分比", "Basophils, fraction"),
    Observation("loinc", "704-7", "10*9/L", "BAS# 嗜碱性粒细胞", "Basophils"),
    Observation("loinc", "21000-5", "fL", "RDW-SD 红细胞分布宽度", "RDW-SD"),
    Observation("loinc", "788-0", "%", "RDW-CV 红细胞分布宽度", "RDW-CV"),
    Observation("loinc", "32207-3", "fL", "PDW 血小板分布宽度", "PDW"),
    Observation("loinc", "32623-1", "fL", "MPV 平均血小板体积", "MPV"),
    Observation("loinc", "48386-7", "%", "P-LCR 大血小板比率", "Large platelet ratio"),
    Observation("loinc", "51637-7", "%", "PCT 血小板压积", "Plateletcrit"),
    # electrolytes, in serum or plasma
    Observation("loinc", "2951-2", "mmol/L", "Na 钠", "Sodium"),
    Observation("loinc", "2823-3", "mmol/L", "K 钾", "Potassium"),
    Observation("loinc", "2075-0", "mmol/L", "Cl 氯", "Chloride"),
    # immunology, in serum or plasma
    Observation("loinc", "13952-7", "", "乙肝核心抗体", "Hepatitis B core antibody"),
    # urine, by the laboratory
    Observation("loinc", "14957-5", "mg/L", "尿微量白蛋白", "Albumin in urine"),
    Observation("loinc", "2161-8", "mg/dL", "尿肌酐", "Creatinine in urine"),
    Observation("loinc", "14683-7", "mmol/L", "尿肌酐", "Creatinine in urine"),
    Observation("loinc", "14959-1", "mg/g", "尿白蛋白/肌酐比", "Albumin/creatinine in urine"),
    # urine, by test strip: words, or a number where the strip gives one
    Observation("loinc", "5799-2", "", "LEU 尿白细胞酯酶", "Leukocyte esterase in urine"),
    Observation("loinc", "5802-4", "", "NIT 尿亚硝酸盐", "Nitrite in urine"),
    Observation("loinc", "5818-0", "", "URO 尿胆原", "Urobilinogen in urine"),
    Observation("loinc", "20454-5", "", "PRO 尿蛋白", "Protein in urine"),
    Observation("loinc", "5803-2", "[pH]", "尿 pH", "pH of urine"),
    Observation("loinc", "5794-3", "", "BLD 尿潜血", "Blood in urine"),
    Observation("loinc", "5811-5", "1", "SG 尿比重", "Specific gravity of urine"),
    Observation("loinc", "2514-8", "", "KET 尿酮体", "Ketones in urine"),
    Observation("loinc", "5770-3", "", "BIL 尿胆红素", "Bilirubin in urine"),
    Observation("loinc", "25428-4", "", "GLU 尿葡萄糖", "Glucose in urine"),
    Observation("local", "urine-ascorbate", "", "VC 尿维生素C", "Ascorbate in urine"),
    Observation("local", "urine-colour", "", "尿颜色", "Colour of urine"),
    Observation("local", "urine-clarity", "", "尿浊度", "Clarity of urine"),
    # exhaled gas
    Observation("local", "feno", "[ppb]", "FeNO 呼出气一氧化氮", "Fractional exhaled nitric oxide"),
    Observation("local", "exhaled-co", "[ppm]", "呼出气一氧化碳", "Exhaled carbon monoxide"),
    # vitals of a monitor
    Observation("loinc", "9279-1", "/min", "呼吸频率", "Respiratory rate"),
    # anthropometry
    Observation("loinc", "29463-7", "kg", "体重", "Body weight"),
    Observation("loinc", "8302-2", "cm", "身高", "Body height"),
    Observation("loinc", "39156-5", "kg/m2", "体重指数", "Body mass index"),
    Observation("loinc", "41982-0", "%", "体脂率", "Body fat"),
    # bone, by ultrasound at the heel
    Observation("loinc", "100225-2", "", "骨超声检查", "Bone density quantitative ultrasound study"),
    Observation("local", "bone-speed-of-sound", "m/s", "SOS 超声传播速度", "Speed of sound"),
    Observation("local", "bone-attenuation", "dB/MHz", "BUA 宽带超声衰减", "Broadband ultrasound attenuation"),
    Observation("local", "bone-t-score", "1", "T 值", "T-score"),
    Observation("local", "bone-z-score", "1", "Z 值", "Z-score"),
    # the vehicle itself
    Observation("local", "latitude", "deg", "纬度", "Latitude"),
    Observation("local", "longitude", "deg", "经度", "Longitude"),
    Observation("local", "ground-speed", "m/s", "车速", "Speed over ground"),
    Observation("local", "course", "deg", "航向", "Course over ground"),
    Observation("local", "altitude", "m", "海拔", "Altitude"),
    Observation("local", "satellites", "1", "卫星数", "Satellites used"),
    Observation("local", "horizontal-dilution", "1", "水平精度因子", "Horizontal dilution of precision"),
    Observation("local", "storage-temperature", "Cel", "冷藏温度", "Storage temperature"),
    Observation("local", "storage-humidity", "%", "冷藏湿度", "Storage humidity"),
)

BY_KEY: Final[Mapping[str, Observation]] = {row.key: row for row in OBSERVATIONS}
"""`system:code` -> row."""


def loinc_check_digit(number: str) -> int:
    """The digit behind the hyphen of LOINC code `number` (digits only): modulus 10, LOINC Users' Guide, appendix C."""
    reversed_digits = number[::-1]
    doubled = str(int(reversed_digits[::2]) * 2)
    total = sum(map(int, doubled)) + sum(map(int, reversed_digits[1::2]))
    return -total % 10
