"""An attached volume as each version shows it. ``nova/api/openstack/compute/volume_attachments.py``."""

from typing import Any

from stackwire.compute.domain.model import BlockDevice


def volume_attachment_view(device: BlockDevice, version: tuple[int, int], *, created: bool = False) -> dict[str, Any]:
    """What came: tag 2.70, delete_on_termination 2.79, the attachment's and the device's ids instead of ``id`` 2.89.

    ``created``: the response to an attachment, which has ``id`` in every version.
    """
    view: dict[str, Any] = {
        "volumeId": device.volume_id,
        "serverId": device.instance_uuid,
        "device": device.device_name,
    }
    if created or version < (2, 89):
        view["id"] = device.volume_id
    if version >= (2, 70):
        view["tag"] = device.tag
    if version >= (2, 79):
        view["delete_on_termination"] = bool(device.delete_on_termination)
    if version >= (2, 89) and not created:
        view |= {"attachment_id": device.attachment_id, "bdm_uuid": device.uuid}
    return view
