"""``manage.py demo``: accounts, backends and some work to try the service with."""

import json
import os
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from quantumsvc import clock
from quantumsvc.accounts.demo import DemoAccounts, create_demo_accounts
from quantumsvc.backends.demo_devices import demo_devices
from quantumsvc.backends.services import install_device
from sessions_app.services.demo_work import submit_demo_work

CLIENT_BACKEND = "demo_nairobi"
CLIENT_FILE = "demo-client.json"


class Command(BaseCommand):
    """Makes what is missing; passwords and keys are random and can be told only when they are made."""

    help = "Make demo accounts, backends and jobs; --renew makes new passwords and keys."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--renew", action="store_true", help="new passwords and keys for the demo logins")

    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        # Without the file, nobody knows the old key any more.
        renew = options["renew"] or not (settings.DATA_DIR / CLIENT_FILE).exists()
        accounts = create_demo_accounts(now, renew=renew)
        for device in demo_devices():
            install_device(device=device, now=now)
        if accounts.client.token:
            self._keep_for_client(accounts)
        submitted = submit_demo_work(accounts)
        self.stdout.write(f"Demo data is there; {submitted} jobs were submitted.")

    def _keep_for_client(self, accounts: DemoAccounts) -> None:
        """Keep the demo key where ``manage.py client`` finds it, readable by its owner only."""
        logins = [
            {"username": name, "password": login.password, "role": name}
            for name, login in accounts.logins.items()
        ]
        content = {
            "token": accounts.client.token,
            "instance": accounts.open_lab.crn,
            "backend": CLIENT_BACKEND,
            "logins": logins,
        }
        path = settings.DATA_DIR / CLIENT_FILE
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as target:
            json.dump(content, target, indent=2)
