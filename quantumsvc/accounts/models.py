"""Who uses the service: users, instances (the tenants), memberships and API keys.

Every read begins with ``visible_to``: platform operators read every tenant's rows, everybody else
what they are a member of.
"""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Self
from zoneinfo import available_timezones

from django.contrib.auth.models import AbstractUser, AnonymousUser, UserManager
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from quantumsvc import clock
from quantumsvc.accounts.keys import KEY_PREFIX_LENGTH
from quantumsvc.accounts.origin import Via
from quantumsvc.accounts.plans import ARCHIVED_ENTRY, CATALOGUE, CatalogueEntry, Plan
from quantumsvc.accounts.roles import Role
from quantumsvc.choices import choices_of

# Hexadecimal digits of a SHA-256.
DIGEST_LENGTH = 64


def known_time_zone(name: str) -> None:
    """Refuse names that are not in the time zone database."""
    if name not in available_timezones():
        raise ValidationError("%(name)s is not the name of a time zone.", params={"name": name})


class UserQuerySet(models.QuerySet["User"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """The user, and those who share an instance with them."""
        if isinstance(user, AnonymousUser):
            return self.none()
        if user.is_operator:
            return self
        colleagues = Membership.objects.visible_to(user).values("user")
        return self.filter(Q(pk=user.pk) | Q(pk__in=colleagues))


class AccountManager(UserManager["User"]):
    """Django's own user manager, with reads that begin as all others do."""

    use_in_migrations = False

    def get_queryset(self) -> UserQuerySet:
        return UserQuerySet(self.model, using=self._db)

    def visible_to(self, user: "User | AnonymousUser") -> UserQuerySet:
        """The user, and those who share an instance with them."""
        return self.get_queryset().visible_to(user)


class InstanceQuerySet(models.QuerySet["Instance"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """Instances the user is a member of, archived ones included; the system's own is nobody's."""
        if isinstance(user, AnonymousUser):
            return self.none()
        tenants = self.filter(is_system=False)
        return tenants if user.is_operator else tenants.filter(memberships__user=user)

    def active(self) -> Self:
        """Instances that still accept work."""
        return self.filter(is_active=True)


class MembershipQuerySet(models.QuerySet["Membership"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """All memberships of the instances that the user is a member of."""
        if isinstance(user, AnonymousUser):
            return self.none()
        return self if user.is_operator else self.filter(instance__in=user.instances.values("pk"))


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """The user's own keys."""
        if isinstance(user, AnonymousUser):
            return self.none()
        return self if user.is_operator else self.filter(user=user)


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """What was done to the instances that the user manages; operators see everything."""
        if isinstance(user, AnonymousUser):
            return self.none()
        if user.is_operator:
            return self
        managed = Membership.objects.filter(user=user, role=Role.MANAGER.value)
        return self.filter(instance__in=managed.values("instance"))


class OverLimit(StrEnum):
    """What becomes of a job that is submitted when the instance has used up its time."""

    WAIT = "wait"
    REFUSE = "refuse"


class User(AbstractUser):
    """A person or a program that acts for one."""

    is_operator = models.BooleanField(
        "platform operator",
        default=False,
        help_text="Sees and manages the whole platform, all tenants included.",
    )
    time_zone = models.CharField(
        max_length=64,
        default="UTC",
        validators=[known_time_zone],
        help_text="IANA name, for the pages' times.",
    )

    objects: ClassVar[AccountManager] = AccountManager()

    class Meta(AbstractUser.Meta):
        swappable = "AUTH_USER_MODEL"
        constraints = [models.CheckConstraint(name="user_time_zone_named", condition=~Q(time_zone=""))]


class Instance(models.Model):
    """The tenant: jobs, sessions, shares, limits and usage belong to it. Clients address it by ``crn``.

    ``may_calibrate`` lets its members ask for a calibration with the client's ``Calibrator`` (W9). The one
    instance with ``is_system`` owns the operator's jobs (S2); it has no members and is shown to nobody.

    ``shares`` are relative to the siblings under the same ``parent`` (F1); zero means that the
    instance only gets what the others leave. ``usage_allocation_seconds`` and
    ``usage_limit_seconds`` hold for a rolling window of 28 days; empty means without limit. Once the
    limit is reached, jobs wait or are refused as ``over_limit`` says (S10). ``max_pending_jobs`` counts
    jobs that wait or run, ``max_open_sessions`` sessions that are not closed.
    """

    crn = models.CharField("CRN", max_length=255, unique=True)
    name = models.CharField(max_length=100)
    account = models.CharField(max_length=64)
    region = models.CharField(max_length=32, default="us-east")
    plan = models.CharField(max_length=16, choices=choices_of(Plan), default=Plan.OPEN.value)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    shares = models.PositiveIntegerField(default=1)
    tags = ArrayField(models.CharField(max_length=86), default=list, blank=True)
    is_active = models.BooleanField("active", default=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    usage_allocation_seconds = models.PositiveIntegerField(null=True, blank=True)
    usage_limit_seconds = models.PositiveIntegerField(null=True, blank=True)
    over_limit = models.CharField(max_length=8, choices=choices_of(OverLimit), default=OverLimit.WAIT.value)
    max_pending_jobs = models.PositiveIntegerField(null=True, blank=True)
    max_open_sessions = models.PositiveIntegerField(null=True, blank=True)
    may_calibrate = models.BooleanField("may calibrate backends", default=False)
    is_system = models.BooleanField("the system's own", default=False, editable=False)
    members = models.ManyToManyField(User, through="Membership", related_name="instances")

    objects = InstanceQuerySet.as_manager()

    class Meta:
        ordering = ["account", "name", "id"]
        constraints = [
            models.UniqueConstraint(name="instance_name_unique_in_account", fields=["account", "name"]),
            models.CheckConstraint(
                name="instance_named", condition=~Q(name="") & ~Q(account="") & ~Q(region="")
            ),
            models.CheckConstraint(name="instance_crn_is_crn", condition=Q(crn__startswith="crn:")),
            models.CheckConstraint(
                name="instance_plan_known", condition=Q(plan__in=[plan.value for plan in Plan])
            ),
            models.UniqueConstraint(
                name="one_system_instance", fields=["is_system"], condition=Q(is_system=True)
            ),
            models.CheckConstraint(
                name="instance_over_limit_known",
                condition=Q(over_limit__in=[each.value for each in OverLimit]),
            ),
            models.CheckConstraint(name="instance_not_its_own_parent", condition=~Q(parent=F("id"))),
            models.CheckConstraint(
                name="instance_archived_at_iff_archived",
                condition=Q(is_active=True, archived_at__isnull=True)
                | Q(is_active=False, archived_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def catalogue_entry(self) -> CatalogueEntry:
        """How clients see the plan; an archived instance has one of its own."""
        return CATALOGUE[Plan(self.plan).catalogue_id] if self.is_active else ARCHIVED_ENTRY


class Membership(models.Model):
    """That a user belongs to an instance, and as what."""

    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    instance = models.ForeignKey(Instance, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=choices_of(Role), default=Role.READER.value)
    created_at = models.DateTimeField(default=clock.now)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        ordering = ["instance", "user"]
        constraints = [
            models.UniqueConstraint(name="membership_once", fields=["user", "instance"]),
            models.CheckConstraint(
                name="membership_role_known", condition=Q(role__in=[role.value for role in Role])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.instance}"


class ApiKey(models.Model):
    """A credential for programs. The key itself is shown once and never stored; ``digest`` finds it again."""

    user = models.ForeignKey(User, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=KEY_PREFIX_LENGTH, editable=False)
    digest = models.CharField(max_length=DIGEST_LENGTH, unique=True, editable=False)
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(name="api_key_named", condition=~Q(name="")),
            models.CheckConstraint(
                name="api_key_holds_no_plain_text",
                condition=Q(digest__regex=f"^[0-9a-f]{{{DIGEST_LENGTH}}}$"),
            ),
            models.CheckConstraint(
                name="api_key_expires_after_creation",
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=F("created_at")),
            ),
            models.UniqueConstraint(
                name="api_key_name_unique_while_valid",
                fields=["user", "name"],
                condition=Q(revoked_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def is_valid_at(self, now: datetime) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class AuditEntry(models.Model):
    """One administrative act. A trigger refuses to change or delete rows.

    ``actor`` is empty when nobody asked: the service did it, or its command line. Names are kept as
    they were. ``before`` and ``after`` hold the values that changed, never a secret.
    """

    at = models.DateTimeField("when")
    actor = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="acts")
    actor_name = models.CharField("who", max_length=150, blank=True)
    via = models.CharField("from", max_length=10, choices=choices_of(Via), default=Via.SERVICE.value)
    address = models.CharField(max_length=64, blank=True)
    action = models.CharField("what", max_length=64)
    object_kind = models.CharField("kind", max_length=40)
    object_id = models.CharField("id", max_length=64)
    object_name = models.CharField("object", max_length=200)
    instance = models.ForeignKey(
        Instance, models.PROTECT, null=True, blank=True, related_name="audit_entries"
    )
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    reason = models.TextField("why", blank=True)

    objects = AuditQuerySet.as_manager()

    class Meta:
        verbose_name = "audit entry"
        verbose_name_plural = "audit entries"
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(name="audit_by_time", fields=["-at", "-id"]),
            models.Index(name="audit_by_object", fields=["object_kind", "object_id"]),
        ]
        constraints = [
            models.CheckConstraint(name="audit_action_named", condition=~Q(action="") & ~Q(object_kind="")),
            models.CheckConstraint(name="audit_via_known", condition=Q(via__in=[via.value for via in Via])),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_name}"


class KeyedCall(models.Model):
    """A call that its caller gave a key, so that it is done once; what was asked, and what was answered.

    ``fingerprint`` is a hash of the request. Rows are kept for a day.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    fingerprint = models.BinaryField()
    status = models.PositiveSmallIntegerField()
    body = models.BinaryField()
    media = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(name="keyed_calls_by_age", fields=["created_at"])]
        constraints = [
            models.UniqueConstraint(name="one_call_per_key", fields=["user", "key"]),
            models.CheckConstraint(name="keyed_call_has_a_key", condition=~Q(key="")),
        ]

    def __str__(self) -> str:
        return f"{self.key} of {self.user_id}"
