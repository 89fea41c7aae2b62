"""Secret addresses under which a calendar program reads windows."""

from typing import Self

from django.db import models
from django.db.models import Q

from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.models import Backend


class CalendarFeedQuerySet(models.QuerySet["CalendarFeed"]):
    def visible_to(self, user: User) -> Self:
        """The user's own feeds: whoever knows an address reads with its owner's eyes."""
        return self.filter(user=user)


class CalendarFeed(models.Model):
    """One address: the windows of an instance or of a backend, as ``user`` may see them when it is read.

    The secret is shown once; ``digest`` finds it again. A new one makes the old address useless.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="calendar_feeds")
    instance = models.ForeignKey(
        Instance, on_delete=models.CASCADE, related_name="calendar_feeds", null=True, blank=True
    )
    backend = models.ForeignKey(
        Backend, on_delete=models.CASCADE, related_name="calendar_feeds", null=True, blank=True
    )
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField()

    objects = CalendarFeedQuerySet.as_manager()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(instance__isnull=True, backend__isnull=False)
                | Q(instance__isnull=False, backend__isnull=True),
                name="feed_of_instance_or_backend",
            ),
            models.UniqueConstraint(
                fields=("user", "instance", "backend"), nulls_distinct=False, name="one_feed_per_reader"
            ),
            models.CheckConstraint(
                condition=Q(digest__regex="^[0-9a-f]{64}$"), name="feed_holds_no_plain_secret"
            ),
        )

    def __str__(self) -> str:
        return f"Calendar of {self.instance or self.backend} for {self.user}"
