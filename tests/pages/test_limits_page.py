"""Setting what an instance may use, on a page."""

import pytest

from quantumsvc.accounts.models import AuditEntry, Instance
from tests.factories import make_instance
from tests.pages.conftest import Reader, sign_in, text_of

LIMITS = {"usage_limit_seconds": "600", "over_limit": "refuse", "reason": "the grant ends"}
OF_OPERATORS = {"usage_allocation_seconds": "900", "max_pending_jobs": "5", "max_open_sessions": ""}


def set_(reader: Reader, instance: Instance, **over: str) -> tuple[int, str]:
    answer = reader.client.post(f"/usage/limits?instance={instance.pk}", {**LIMITS, **over})
    return answer.status_code, text_of(answer.content.decode())


def test_a_manager_sets_the_limit_and_it_is_audited(max_: Reader, lab: Instance) -> None:
    assert "Set limits…" in max_.sees("/usage")
    assert set_(max_, lab) == (302, "")
    lab.refresh_from_db()
    assert (lab.usage_limit_seconds, lab.over_limit) == (600, "refuse")
    entry = AuditEntry.objects.get(action="instance.limits_changed")
    assert (entry.actor, entry.instance, entry.reason) == (max_.user, lab, "the grant ends")
    assert entry.after == {"usage_limit_seconds": 600, "over_limit": "refuse"}


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("601", "At most the 600 seconds that are allocated."),
        ("", "At most the 600 seconds that are allocated."),
        ("-1", "greater than or equal to 0"),
        ("much", "Enter a whole number."),
    ],
)
def test_it_says_at_the_field_what_is_wrong(max_: Reader, lab: Instance, wanted: str, told: str) -> None:
    Instance.objects.filter(pk=lab.pk).update(usage_allocation_seconds=600)
    status, page = set_(max_, lab, usage_limit_seconds=wanted)
    assert status == 400
    assert told in page
    assert Instance.objects.get(pk=lab.pk).usage_limit_seconds is None


def test_what_is_the_operators_is_not_changed_by_a_manager(max_: Reader, lab: Instance) -> None:
    assert "These three are the operator's." in max_.sees("/usage/limits")
    assert set_(max_, lab, **OF_OPERATORS)[0] == 302
    lab.refresh_from_db()
    assert (lab.usage_allocation_seconds, lab.max_pending_jobs) == (None, None)


def test_an_operator_sets_all_of_them(lab: Instance) -> None:
    olga = sign_in(is_operator=True)
    assert set_(olga, lab, **OF_OPERATORS)[0] == 302
    lab.refresh_from_db()
    assert (lab.usage_allocation_seconds, lab.max_pending_jobs, lab.max_open_sessions) == (900, 5, None)
    assert AuditEntry.objects.get(action="instance.changed").reason == "the grant ends"


def test_others_only_see_the_limits(wanda: Reader, rita: Reader, lab: Instance) -> None:
    for reader in (wanda, rita):
        assert "Set limits…" not in reader.sees("/usage")
        assert reader.get("/usage/limits").status_code == 403
        assert set_(reader, lab)[0] == 403


def test_another_instance_does_not_exist(max_: Reader) -> None:
    assert set_(max_, make_instance())[0] == 404
