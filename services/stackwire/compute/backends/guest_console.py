"""What a guest writes on its first serial port: it runs nothing, so the lines tell of what is in its machine."""

from stackwire.compute.domain.server import Server


def booting(server: Server) -> str:
    """From the firmware to the login, of a guest of this flavor with these disks and addresses."""
    instance = server.instance
    root = instance.root_device_name or "/dev/vda"
    disks = [
        f"{(device.device_name or root).removeprefix('/dev/')}: {device.volume_size or server.flavor.root_gb} GiB disk"
        for device in server.devices
        if not device.no_device and (device.device_name or device.is_root)
    ]
    interfaces = [
        f"eth{number}: {each.mac} {each.address} ({each.label})" for number, each in enumerate(server.addresses)
    ]
    return "\n".join(
        [
            "simulated guest: firmware hands over to the boot loader",
            f"Command line: root={root} console=tty0 console=ttyS0",
            f"Memory: {server.flavor.memory_mb} MiB",
            f"smp: {server.flavor.vcpus} CPU(s) brought up",
            *disks,
            *interfaces,
            "init: reached multi-user",
            f"simulated guest: booted {instance.hostname}",
            "",
            f"{instance.hostname} login: ",
        ]
    )


def stopping(event: str) -> str:
    """Why it stops (``power_off``, ``reboot``), and that it has."""
    return f"\nsimulated guest: {event}\ninit: stopping services\nsystem: Power down"
