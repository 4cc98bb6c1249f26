import pytest

from clinic_records import errors


def every_error(base: type[errors.ClinicError] = errors.ClinicError) -> list[type[errors.ClinicError]]:
    return [base, *(deeper for child in base.__subclasses__() for deeper in every_error(child))]


@pytest.mark.parametrize("kind", every_error())
def test_every_error_has_a_hint_in_both_languages_and_an_exit_code_of_the_contract(
    kind: type[errors.ClinicError],
) -> None:
    hint = kind.default_hint
    assert hint.zh
    assert not hint.zh.isascii()
    assert hint.en.isascii()
    assert kind.exit_code in {1, 3, 4}
    assert not any(word in hint.zh for word in ("非法", "失败", "异常", "无效"))


def test_the_tree_in_the_docstring_names_every_error() -> None:
    assert errors.__doc__ is not None
    for kind in every_error():
        if kind.__module__ == errors.__name__:
            assert kind.__name__ in errors.__doc__


def test_refused_input_carries_its_raw_bytes() -> None:
    assert errors.BadFrame("crc", raw=b"\x01").raw == b"\x01"
    assert isinstance(errors.DeviceTimeout("late"), TimeoutError)
