import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.errors import RefusedInput
from clinic_records.ids import IdFactory, blob_hash, sha256_hex, uuid7, vehicle_id


def test_the_example_of_rfc_9562_appendix_a6() -> None:
    # unix_ts_ms 0x017F22E279B0, rand_a 0xCC3, rand_b 0x18C4DC0C0C07398F
    random_bits = 0xCC3 << 62 | 0x18C4DC0C0C07398F
    assert uuid7(0x017F22E279B0, random_bits) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**74 - 1))
def test_version_variant_and_all_given_bits_are_there(unix_ms: int, random_bits: int) -> None:
    made = uuid.UUID(uuid7(unix_ms, random_bits))
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert made.int >> 80 == unix_ms
    assert ((made.int >> 64) & 0xFFF) << 62 | made.int & ((1 << 62) - 1) == random_bits


@given(st.lists(st.integers(0, 2**48 - 1), min_size=2, unique=True))
def test_ids_sort_by_birth(births: list[int]) -> None:
    made = [uuid7(birth, 2**74 - 1 - birth) for birth in births]
    assert sorted(made) == [uuid7(birth, 2**74 - 1 - birth) for birth in sorted(births)]


def test_a_factory_repeats_itself_only_with_the_same_clock_and_randomness() -> None:
    assert IdFactory(lambda: 1, lambda _: 2).new() == IdFactory(lambda: 1, lambda _: 2).new()
    factory = IdFactory()
    assert len({factory.new() for _ in range(1000)}) == 1000


@pytest.mark.parametrize("text", ["", "../etc", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_a_blob_hash_can_hide_no_path(text: str) -> None:
    with pytest.raises(RefusedInput):
        blob_hash(text)


def test_blob_hash_takes_what_sha256_gives() -> None:
    assert blob_hash(sha256_hex(b"")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("text", ["", "v03", "V/03", "V#", "V+", "V03\n", "V" * 33])
def test_a_vehicle_id_can_hide_no_topic(text: str) -> None:
    with pytest.raises(RefusedInput, match="for example V03"):
        vehicle_id(text)
