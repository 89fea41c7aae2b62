"""Who a socket belongs to, and which groups they may hear."""

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest
from django.utils.module_loading import import_string

from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.models import Backend
from sessions_app.live.groups import OPERATORS, backend_group, instance_group


def read_user(session_key: str) -> User | None:
    """Who is signed in with a browser's session: nobody once it has ended or the password was changed."""
    request = HttpRequest()
    request.session = import_string(f"{settings.SESSION_ENGINE}.SessionStore")(session_key)
    user = get_user(request)
    return user if user.is_authenticated else None


def read_groups(user: User) -> set[str]:
    """What the user may hear, read anew."""
    backends = {backend_group(pk) for pk in Backend.objects.visible_to(user).values_list("pk", flat=True)}
    if user.is_operator:
        return {OPERATORS, *backends}
    instances = Instance.objects.visible_to(user).values_list("pk", flat=True)
    return {*map(instance_group, instances), *backends}


user_of_session = database_sync_to_async(read_user, thread_sensitive=False)
groups_of = database_sync_to_async(read_groups, thread_sensitive=False)
