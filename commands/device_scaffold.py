"""`clinic device scaffold NAME`: the files of a new device on a line, whole and working, for somebody to make true."""

import re
from pathlib import Path
from string import Template
from typing import Annotated, Final

import typer

from clinic_records.errors import ConfigError, Hint, RefusedInput
from clinic_records.observations import BY_KEY, Observation
from commands import device_skeleton as skeleton
from devices.catalog import TYPES, Category, catalog

PACKAGES: Final = {
    Category.CARDIAC_VITALS: "cardiac",
    Category.IMAGING: "imaging",
    Category.RESPIRATORY: "respiratory",
    Category.LABORATORY: "laboratory",
    Category.IDENTITY_ANTHROPOMETRY: "identity",
    Category.VEHICLE: "vehicle",
}
"""Category -> the package its drivers stand in."""
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_NOTHING: Final = Hint("什么都没有写。改好再试一次。", "Nothing was written. Correct it, then try again.")
_CATALOG: Final = Path("devices/catalog.toml")
_REGISTRY: Final = Path("devices/registry.py")
_INTERPRET: Final = Path("devices/interpret.py")
_DRIVERS_END: Final = '}\n"""Drivers of a device on a line'
_READERS_END: Final = '}\n"""Media type of the raw bytes'
"""Where a table ends: what follows its closing brace."""


def scaffold_command(
    name: Annotated[str, typer.Argument(help="Catalog key: small letters, digits and hyphens, as body-scale-acme.")],
    *,
    type_number: Annotated[int, typer.Option("--type", min=1, max=TYPES, help="Which of the 23 device types.")] = 23,
    category: Annotated[
        Category | None, typer.Option(help="Category of the device; where nothing is said, its type's.")
    ] = None,
    modality: Annotated[str, typer.Option(help="Modality of its readings.")] = "body",
    observation: Annotated[
        str, typer.Option(help="First thing it measures: system:code of clinic_records/observations.py.")
    ] = "loinc:29463-7",
    root: Annotated[Path, typer.Option(help="Source checkout to write into.")] = Path(),
) -> None:
    """Write driver, decoder, simulator, tests, page and catalog row of a device that sends lines; they pass at once."""
    row = BY_KEY.get(observation)
    if row is None or not row.unit:
        raise RefusedInput(f"{observation}: not a measured quantity of clinic_records/observations.py", hint=_NOTHING)
    for path in scaffold(name, type_number, category or _category_of(type_number), modality, row, root):
        typer.echo(str(path))


def _category_of(type_number: int) -> Category:
    """Where the catalog has the other devices of this type."""
    rows = (row for row in catalog().values() if row.type == type_number)
    return next((row.category for row in rows), Category.IDENTITY_ANTHROPOMETRY)


def scaffold(
    name: str, type_number: int, category: Category, modality: str, observation: Observation, root: Path
) -> list[Path]:
    """Write the files; those that were written or changed, in the order to look at them.

    Raises:
        RefusedInput: the name will not do, or the device is there already; nothing was written.
        ConfigError: `root` is no source checkout.
    """
    if not _NAME.fullmatch(name) or name in catalog():
        raise RefusedInput(f"{name!r}: a new catalog key of small letters, digits and hyphens is needed", hint=_NOTHING)
    if category is Category.VEHICLE:
        raise RefusedInput("the vehicle's own instruments are none of the device types", hint=_NOTHING)
    module, package = name.replace("-", "_"), PACKAGES[category]
    values = {
        "key": name,
        "module": module,
        "package": package,
        "title": name.replace("-", " ").capitalize(),
        "class_name": "".join(part.capitalize() for part in name.split("-")),
        "type": str(type_number),
        "category": category.value,
        "modality": modality,
        "observation": observation.key,
        "unit": observation.unit,
        "name_zh": observation.name_zh,
        "name_en": observation.name_en,
    }
    files = {Path(Template(path).substitute(values)): text for path, text in skeleton.FILES.items()}
    _check(root, files)
    tables = {_REGISTRY: (skeleton.DRIVER_LINE, _DRIVERS_END), _INTERPRET: (skeleton.READER_LINE, _READERS_END)}
    changed = {
        path: _inserted(root / path, Template(line).substitute(values), end) for path, (line, end) in tables.items()
    }
    changed[_CATALOG] = (root / _CATALOG).read_text("utf-8") + Template(skeleton.ROW).substitute(values)
    package_file = Path("devices") / package / "__init__.py"
    if not (root / package_file).exists():
        files[package_file] = f'"""Drivers of {package} devices, one file a model or protocol."""\n'
    for path, text in {**{path: Template(text).substitute(values) for path, text in files.items()}, **changed}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, "utf-8")
    return [*files, *changed]


def _check(root: Path, files: dict[Path, str]) -> None:
    there = [str(path) for path in files if (root / path).exists()]
    if there:
        raise RefusedInput(f"already there: {', '.join(there)}", hint=_NOTHING)
    missing = [str(path) for path in (_CATALOG, _REGISTRY, _INTERPRET) if not (root / path).is_file()]
    if missing:
        raise ConfigError(
            f"{root}: no source checkout, {', '.join(missing)} is missing",
            hint=Hint("在源码目录里运行。", "Run it in the folder of the source code."),
        )


def _inserted(path: Path, line: str, end: str) -> str:
    """The table in `path` with `line` as its last row."""
    text = path.read_text("utf-8")
    before, found, after = text.partition(end)
    if not found:
        raise ConfigError(f"{path}: the table's end is not found; add this line by hand: {line.strip()}")
    return before + line + found + after
