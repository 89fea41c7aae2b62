"""``manage.py installdevices``: the backends that come with the service."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from quantumsvc import clock
from quantumsvc.backends.demo_devices import DemoDevice, demo_devices
from quantumsvc.backends.services import install_device
from sessions_app.management.administration import AdministrationCommand


class Command(AdministrationCommand):
    help = "Install the shipped devices and simulators, or those named; what is there already is left alone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("names", nargs="*", metavar="NAME")

    def carry_out(self, options: dict[str, Any]) -> None:
        now = clock.now()
        for device in _chosen(options["names"]):
            install_device(device=device, now=now)
            self.stdout.write(device.name)


def _chosen(names: list[str]) -> list[DemoDevice]:
    shipped = {device.name: device for device in demo_devices()}
    unknown = [name for name in names if name not in shipped]
    if unknown:
        raise CommandError(
            f"No device named {', '.join(unknown)} is shipped; there are {', '.join(shipped)}.", returncode=2
        )
    return [shipped[name] for name in names or shipped]
