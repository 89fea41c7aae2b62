"""How callers say who they are, by the authentication of the view that they call."""

from typing import Any

from rest_framework.views import APIView

SCHEMES: dict[str, dict[str, Any]] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token, for which `POST /identity/token` exchanges an API key.",
    },
    "apikey": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "The API key itself: `Authorization: apikey KEY`.",
    },
    "old_token": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Access-Token",
        "description": "The token that old clients get from `POST /auth/users/loginWithToken`.",
    },
}


def schemes_of(view: APIView) -> list[str]:
    """The names of the ways that a view accepts; none where everybody may call."""
    found: list[str] = []
    for each in view.get_authenticators():
        found += getattr(each, "schemes", ())
    return found
