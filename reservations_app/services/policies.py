"""Which limits hold for whom, and who may book (W6)."""

from django.db.models import F

from quantumsvc.accounts.models import Instance, Membership, User
from quantumsvc.accounts.roles import Role
from quantumsvc.backends.models import Backend
from quantumsvc.errors import NotAllowed
from reservations_app.models import ReservationPolicy


def policy_for(backend: Backend, instance: Instance | None) -> ReservationPolicy | None:
    """The most exact policy that applies, else one of defaults; ``None`` for the operator's own windows."""
    if instance is None:
        return None
    rows = ReservationPolicy.objects.filter(backend__in=[backend]) | ReservationPolicy.objects.filter(
        backend__isnull=True
    )
    mine = rows.filter(instance__in=[instance]) | rows.filter(instance__isnull=True)
    order = (F("instance").desc(nulls_last=True), F("backend").desc(nulls_last=True))
    return mine.order_by(*order).first() or ReservationPolicy()


def require_booker(user: User, instance: Instance | None) -> None:
    """W6: operators book for anybody and for themselves, managers for their instance. Raises NotAllowed."""
    if user.is_operator:
        return
    if instance is None:
        raise NotAllowed("Only operators reserve time for maintenance.")
    if not manages(user, instance):
        raise NotAllowed(
            f"This needs the role {Role.MANAGER} in the instance {instance.name}.",
            solution="Ask a manager of the instance.",
        )


def manages(user: User, instance: Instance | None) -> bool:
    """Whether the user may book, change and cancel windows of the instance, or of the operator's own."""
    if user.is_operator:
        return True
    if instance is None or not instance.is_active:
        return False
    held = Membership.objects.filter(user=user, instance=instance)
    return held.filter(role=Role.MANAGER).exists()
