"""Short-lived access tokens: signed JWTs that name the key they were exchanged for.

A token carries no rights. Each request looks up its key, so that revoking the key or deactivating
the user works at once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
from django.utils.crypto import salted_hmac

from quantumsvc import errors
from quantumsvc.accounts.models import ApiKey, User

ISSUER = "quantumsvc"
AUDIENCE = "quantumsvc-api"
ALGORITHM = "HS256"
# Clients renew at 80 % of the life, and before every call when it is as short as ten seconds.
LIFETIME = timedelta(hours=1)
# Clocks of several hosts differ.
LEEWAY = timedelta(seconds=30)
CLAIMS = ["iss", "aud", "sub", "kid", "iat", "exp"]


@dataclass(frozen=True)
class TokenClaims:
    """The user and the key that a valid token names."""

    user_id: int
    key_id: int


def issue_token(user: User, key: ApiKey, now: datetime, lifetime: timedelta = LIFETIME) -> dict[str, Any]:
    """The answer to a token exchange; clients read the claims ``iat`` and ``exp``, in whole seconds."""
    issued = int(now.timestamp())
    expiry = issued + int(lifetime.total_seconds())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(user.pk),
        "kid": key.pk,
        "iat": issued,
        "exp": expiry,
    }
    return {
        "access_token": jwt.encode(claims, _signing_key(), ALGORITHM),
        "refresh_token": "not_supported",
        "token_type": "Bearer",
        "expires_in": expiry - issued,
        "expiration": expiry,
        "scope": "ibm openid",
    }


def read_token(text: str, now: datetime) -> TokenClaims:
    """Check signature, issuer, audience and times. Raises NotAuthenticated."""
    try:
        claims = jwt.decode(
            text,
            _signing_key(),
            [ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            # Times are compared with the given now, below.
            options={"require": CLAIMS, "verify_exp": False, "verify_iat": False},
        )
        issued, expiry = int(claims["iat"]), int(claims["exp"])
        owner = TokenClaims(user_id=int(claims["sub"]), key_id=int(claims["kid"]))
    except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError) as problem:
        raise errors.NotAuthenticated("The access token is not valid.") from problem
    at, leeway = now.timestamp(), LEEWAY.total_seconds()
    if not issued - leeway <= at < expiry + leeway:
        raise errors.NotAuthenticated(
            "The access token has expired.", solution="Exchange the API key for a new one."
        )
    return owner


def _signing_key() -> bytes:
    return salted_hmac("quantumsvc.accounts.tokens", "signing", algorithm="sha256").digest()
