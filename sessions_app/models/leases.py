"""Who looks after a backend at the moment."""

from django.db import models

from quantumsvc.backends.models import Backend


class BackendLease(models.Model):
    """The right to start and end jobs on a backend, held by one drain at a time (J2).

    ``fence`` grows with every new holder; every write of a holder names its fence, so that one who was
    thought dead and comes back can change nothing. The row's lock also orders submissions and decisions.
    """

    backend = models.OneToOneField(Backend, on_delete=models.CASCADE, primary_key=True, related_name="lease")
    fence = models.PositiveBigIntegerField(default=0)
    owner = models.CharField(max_length=100, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    drain_requested_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"lease {self.fence} of {self.backend_id}"
