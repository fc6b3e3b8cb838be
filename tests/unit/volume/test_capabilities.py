"""What a type asks of a back end, operator by operator (cinder/scheduler/filters/extra_specs_ops.py: match)."""

from datetime import UTC, datetime

import pytest

from stackwire.contracts.volume import InvalidInput
from stackwire.core.capabilities import satisfies
from stackwire.volume.domain.backends import Backends
from stackwire.volume.domain.capabilities import check_size
from stackwire.volume.domain.model import VolumeType

OFFERED = {"name": "files", "size": "100", "fast": True, "zones": ["a", "b"], "nothing": None, "deep": {"er": "x"}}
ANSWERS = {  # as the original answers, but for the two it fails on: "<or>" alone, and "<in>" of what holds nothing
    ("name", "files"): True,
    ("name", "other"): False,
    ("absent", "x"): False,
    ("capabilities:name", "files"): True,
    ("capabilities:deep:er", "x"): True,
    ("capabilities:deep:est", "x"): False,
    ("vendor:name", "anything"): True,
    ("fast", "<is> True"): True,
    ("fast", "<is> yes"): True,
    ("fast", "<is> False"): False,
    ("fast", "True"): False,
    ("name", "<in> file"): True,
    ("name", "<in> tape"): False,
    ("size", "= 99"): True,
    ("size", "== 100"): True,
    ("size", "!= 100"): False,
    ("size", ">= 101"): False,
    ("size", "<= 100"): True,
    ("name", "= 1"): False,
    ("name", "s== files"): True,
    ("name", "s!= files"): False,
    ("name", "s< g"): True,
    ("name", "s<= files"): True,
    ("name", "s> g"): False,
    ("name", "s>= e"): True,
    ("name", "<or> tape <or> files"): True,
    ("name", "<or> tape <or> disk"): False,
    ("name", "<or>"): False,
    ("zones", "b"): True,
    ("zones", "c"): False,
    ("nothing", "<is> False"): False,
    ("fast", "<is>"): False,
    ("fast", "<in> x"): False,
    ("name", ""): False,
}


@pytest.mark.parametrize(("spec", "answer"), ANSWERS.items())
def test_an_extra_spec_is_met_or_not(spec: tuple[str, str], answer: bool) -> None:
    key, wanted = spec
    assert satisfies(OFFERED, {key: wanted}) is answer


def test_the_back_end_offers_multiattach_and_its_name() -> None:
    (offered,) = Backends.read(None, "nova").pools().values()
    assert satisfies(offered, {"volume_backend_name": "files", "multiattach": "<is> True"})
    assert satisfies(offered, {})


def test_a_type_bounds_the_size() -> None:
    specs = {"provisioning:min_vol_size": "2", "provisioning:max_vol_size": "3"}
    now = datetime(2026, 1, 1, tzinfo=UTC)
    bounded = VolumeType(
        id="1",
        name="b",
        description=None,
        is_public=True,
        extra_specs=specs,
        projects=[],
        qos_specs_id=None,
        created_at=now,
        updated_at=now,
    )
    check_size(bounded, 2)
    check_size(bounded, 3)
    for size in (1, 4):
        with pytest.raises(InvalidInput):
            check_size(bounded, size)
