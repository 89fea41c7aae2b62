"""Signatures of webhooks, so that a receiver knows who sent a body and when."""

import hashlib
import hmac
from datetime import datetime

from django.conf import settings

from quantumsvc.notices.models import Subscription

HEADER = "Quantumsvc-Signature"


def secret_of(subscription: Subscription) -> str:
    """The secret that its owner was shown; made from the service's own key, and stored nowhere."""
    text = f"webhook:{subscription.pk}:{subscription.salt}".encode()
    return "whsec_" + hmac.new(settings.SECRET_KEY.encode(), text, hashlib.sha256).hexdigest()


def signature(secret: str, body: bytes, at: datetime) -> str:
    """The header's value: ``t``, the time of sending, and ``v1``, the HMAC-SHA256 of ``t.body``."""
    seconds = int(at.timestamp())
    digest = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"
