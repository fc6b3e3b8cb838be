"""What stands in the objects that go between Nova's daemons."""

from stackwire.compute.domain.versioned_objects import data_of, image_object


def test_the_devices_of_an_image_of_volumes_are_dictionaries_of_texts() -> None:
    """``nova/objects/image_meta.py: img_block_device_mapping`` is a ListOfDictOfNullableStringsField."""
    device = {"boot_index": 0, "volume_size": 1, "delete_on_termination": True, "snapshot_id": "s", "tag": None}
    image = {"id": "i", "properties": {"block_device_mapping": [device], "bdm_v2": "True"}}
    properties = data_of(data_of(image_object(image))["properties"])
    assert properties["img_block_device_mapping"] == [
        {"boot_index": "0", "volume_size": "1", "delete_on_termination": "True", "snapshot_id": "s", "tag": None}
    ]
