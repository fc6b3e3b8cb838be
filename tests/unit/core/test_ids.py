"""Ids from chance, and from a seed: a series for each noun, which can begin anew."""

from stackwire.core.ids import Ids, canonical_uuid, new_id


def drawn(ids: Ids, *nouns: str) -> list[str]:
    return [ids.new(noun) for noun in nouns]


def seeded(seed: str = "7") -> Ids:
    ids = Ids()
    ids.seed(seed)
    return ids


def test_without_a_seed_no_two_are_the_same() -> None:
    ids = Ids()
    assert len({*drawn(ids, "volume", "volume"), new_id("volume"), new_id()}) == 4
    assert {ids.below("mac", 4) for _ in range(200)} == {0, 1, 2, 3}


def test_all_are_spelt_as_uuids_of_version_4() -> None:
    for ids in (Ids(), seeded()):
        found = ids.new("image")
        assert canonical_uuid(found) == found
        assert found[14] == "4"


def test_a_seed_decides_them_noun_by_noun() -> None:
    volumes = drawn(seeded(), "volume", "volume")
    assert len(set(volumes)) == 2
    assert drawn(seeded(), "image", "volume", "server", "volume")[1::2] == volumes
    assert drawn(seeded("8"), "volume", "volume") != volumes
    assert seeded().below("mac", 256) == seeded().below("mac", 256)


def test_they_begin_anew_in_the_same_series_or_in_another() -> None:
    ids = seeded()
    first = drawn(ids, "volume", "image")
    ids.restart()
    assert drawn(ids, "volume", "image") == first
    ids.restart("loaded")
    other = drawn(ids, "volume", "image")
    assert not {*other} & {*first}
    ids.restart("loaded")
    assert drawn(ids, "volume", "image") == other


def test_what_has_no_noun_is_from_chance() -> None:
    assert new_id() != new_id()
