"""Sending one delivery: a signed POST to an address that was checked, or a mail."""

import http.client
import json
import socket
import ssl
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage

from quantumsvc.notices.addresses import Target, Unreachable, read_url, resolve
from quantumsvc.notices.kinds import sentence
from quantumsvc.notices.models import Channel, Delivery, Notice, Subscription
from quantumsvc.notices.signing import HEADER, secret_of, signature
from quantumsvc.wire.times import iso_z

# Connecting, and each wait for a part of the answer, in seconds.
TIMEOUT = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt went; ``error`` is empty when it was taken."""

    status: int | None = None
    error: str = ""


def send(delivery: Delivery, now: datetime) -> Outcome:
    """Try once. Never raises for what a receiver, a name server or a mail server does."""
    try:
        if delivery.subscription.channel == Channel.MAIL:
            return _mail(delivery.subscription, delivery.notice)
        return _post(delivery, now)
    except Unreachable as refused:
        return Outcome(error=str(refused))
    except (OSError, http.client.HTTPException) as failure:
        return Outcome(error=f"{type(failure).__name__}: {failure}"[:500])


def body_of(delivery: Delivery) -> dict[str, Any]:
    """What a webhook is sent; ``id`` is the same in every attempt."""
    notice = delivery.notice
    return {
        "id": delivery.pk,
        "type": notice.kind,
        "at": iso_z(notice.at),
        "subject": notice.subject,
        "instance": notice.instance.crn if notice.instance else None,
        "message": sentence(notice.kind, notice.subject, notice.data),
        "data": notice.data,
    }


def _post(delivery: Delivery, now: datetime) -> Outcome:
    target = resolve(read_url(delivery.subscription.address))
    body = json.dumps(body_of(delivery), separators=(",", ":")).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "quantumsvc-webhook",
        "Quantumsvc-Event": delivery.notice.kind,
        "Quantumsvc-Delivery": delivery.pk,
        HEADER: signature(secret_of(delivery.subscription), body, now),
    }
    link = _Pinned(target)
    try:
        link.request("POST", target.path, body, headers)
        status = link.getresponse().status
    finally:
        link.close()
    return Outcome(status, "" if 200 <= status < 300 else f"The receiver answered {status}.")


class _Pinned(http.client.HTTPConnection):
    """A connection to the address that was checked, whatever the name says by now."""

    def __init__(self, target: Target) -> None:
        super().__init__(target.host, target.port, timeout=TIMEOUT)
        self.default_port = {"http": 80, "https": 443}[target.scheme]
        self.target = target

    def connect(self) -> None:
        """Plain, or with TLS for the host's name."""
        link = socket.create_connection((self.target.ip, self.target.port), TIMEOUT)
        if self.target.scheme == "https":
            link = ssl.create_default_context().wrap_socket(link, server_hostname=self.target.host)
        self.sock = link


def _mail(subscription: Subscription, notice: Notice) -> Outcome:
    address = subscription.address or (subscription.user.email if subscription.user else "")
    if not address:
        return Outcome(error="The user has no mail address.")
    told = sentence(notice.kind, notice.subject, notice.data)
    about = notice.instance.name if notice.instance else "all instances"
    text = (
        f"{told}\n\nInstance: {about}\nTime: {iso_z(notice.at)}\n\n"
        f"What you are told of: {settings.PUBLIC_URL.rstrip('/')}/settings/notifications\n"
    )
    EmailMessage(f"[quantumsvc] {told}", text, to=[address]).send()
    return Outcome()
