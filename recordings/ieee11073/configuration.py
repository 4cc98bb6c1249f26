"""What an agent will measure: the objects of its configuration, sent by it or fixed by its specialization.

ConfigReport: id u16, ConfigObjectList; a ConfigObject is class u16, handle u16 and an AttributeList (20601, annex A).
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from recordings.ieee11073 import nomenclature as mdc
from recordings.ieee11073.attributes import Attributes, Entry, attribute_list, read_attributes, read_value_map
from recordings.ieee11073.mder import Reader, sequence, u16

Metric = tuple[int, int]
"""TYPE: partition and code."""
EXTENDED: Final = range(0x4000, 0x8000)
"""Configuration ids an agent may choose itself; below are the specializations' (20601, annex A, ConfigId)."""


@dataclass(frozen=True)
class ConfigObject:
    """One object: `attributes` are as encoded, what is read from them comes out typed and may raise BadFrame."""

    object_class: int
    handle: int
    attributes: Attributes = field(default_factory=dict)

    @cached_property
    def metric(self) -> Metric:
        """What it measures; (0, 0) where it does not say."""
        return self._types(mdc.ATTR_ID_TYPE, is_list=False)[0]

    @cached_property
    def supplements(self) -> tuple[Metric, ...]:
        """How it measures: fast, slow, spot ..."""
        return self._types(mdc.ATTR_SUPPLEMENTAL_TYPES, is_list=True)

    @cached_property
    def unit(self) -> int:
        """Code of its dimension; 0 where it does not say."""
        return self._u16(mdc.ATTR_UNIT_CODE)

    @cached_property
    def parts(self) -> tuple[int, ...]:
        """Codes of a compound's parts in the order of their values."""
        listed = self.attributes.get(mdc.ATTR_ID_PHYSIO_LIST)
        if listed is None:
            return ()
        return tuple(entry.u16() for entry in Reader(listed, "list of metrics").entries("list of metrics"))

    @cached_property
    def value_map(self) -> tuple[Entry, ...]:
        """What its fixed reports hold; empty where it does not say."""
        mapped = self.attributes.get(mdc.ATTR_ATTRIBUTE_VAL_MAP)
        return () if mapped is None else read_value_map(Reader(mapped, "attribute value map"))

    @cached_property
    def grouped_map(self) -> tuple[tuple[int, tuple[Entry, ...]], ...]:
        """A scanner's grouped reports: (handle, what comes of it) in their order."""
        mapped = self.attributes.get(mdc.ATTR_SCAN_HANDLE_ATTR_VAL_MAP)
        if mapped is None:
            return ()
        reader = Reader(mapped, "handle value map")
        return tuple((entry.u16(), read_value_map(entry)) for entry in reader.entries("handle value map"))

    def updated(self, told: Attributes) -> "ConfigObject":
        """The object after a report that changed some of its attributes."""
        return replace(self, attributes={**self.attributes, **told})

    def encode(self) -> bytes:
        """ConfigObject."""
        return u16(self.object_class) + u16(self.handle) + attribute_list(self.attributes)

    def _u16(self, attribute: int) -> int:
        value = self.attributes.get(attribute)
        return 0 if value is None else Reader(value, "attribute").u16()

    def _types(self, attribute: int, *, is_list: bool) -> tuple[Metric, ...]:
        value = self.attributes.get(attribute)
        if value is None:
            return () if is_list else ((0, 0),)
        reader = Reader(value, "type")
        if not is_list:
            return ((reader.u16(), reader.u16()),)
        return tuple((entry.u16(), entry.u16()) for entry in reader.entries("supplemental types"))


@dataclass(frozen=True, slots=True)
class Configuration:
    """A configuration's id and its objects by handle."""

    id: int
    objects: dict[int, ConfigObject]

    def encode(self) -> bytes:
        """ConfigReport."""
        return u16(self.id) + sequence(tuple(each.encode() for each in self.objects.values()))


def read_configuration(info: bytes) -> Configuration:
    """The ConfigReport of a configuration event.

    Raises:
        BadFrame: lengths do not fit, or an attribute that we need is damaged.
    """
    reader = Reader(info, "configuration report")
    number = reader.u16()
    objects: dict[int, ConfigObject] = {}
    for entry in reader.entries("configuration objects"):
        one = ConfigObject(entry.u16(), entry.u16(), read_attributes(entry))
        _ = one.metric, one.supplements, one.unit, one.parts, one.value_map, one.grouped_map
        objects[one.handle] = one
    reader.end()
    return Configuration(number, objects)


def numeric(
    handle: int,
    metric: int,
    unit: int,
    entries: tuple[Entry, ...],
    *,
    parts: tuple[int, ...] = (),
    supplement: int = 0,
) -> ConfigObject:
    """A numeric object of partition SCADA that the agent measures and sends by itself."""
    attributes = {
        mdc.ATTR_ID_TYPE: u16(mdc.PART_SCADA) + u16(metric),
        mdc.ATTR_METRIC_SPEC_SMALL: u16(0xF040),  # intermittent, stored, aperiodic, agent-initiated, measured
    }
    if parts:
        attributes[mdc.ATTR_METRIC_STRUCT_SMALL] = bytes((3, len(parts)))  # a compound of fixed size
        attributes[mdc.ATTR_ID_PHYSIO_LIST] = sequence(tuple(map(u16, parts)))
    attributes[mdc.ATTR_UNIT_CODE] = u16(unit)
    if supplement:
        attributes[mdc.ATTR_SUPPLEMENTAL_TYPES] = sequence((u16(mdc.PART_SCADA) + u16(supplement),))
    attributes[mdc.ATTR_ATTRIBUTE_VAL_MAP] = sequence(tuple(u16(key) + u16(size) for key, size in entries))
    return ConfigObject(mdc.MOC_METRIC_NU, handle, attributes)
