"""Every address of the administration, asked by everybody: operators get in, and nobody else."""

import re
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection, models
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from quantumsvc.accounts.admin.base import OperatorAdmin
from quantumsvc.accounts.models import User
from quantumsvc.accounts.pages.signing_in import failed_for_name, failed_from_address
from quantumsvc.accounts.services import issue_key
from quantumsvc.backends.models import Backend
from sessions_app.services.submission import Author
from tests.admin.conftest import Work, make_work
from tests.factories import START, make_author, make_backend
from tests.pages.conftest import Reader

# No page of a list or of a row may need more statements, however many rows there are.
MOST_STATEMENTS = 16
MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)


def base(model: type[models.Model]) -> str:
    return f"admin:{model._meta.app_label}_{model._meta.model_name}"


def page_of(model: type[models.Model]) -> Any:
    return admin.site._registry[model]


def addresses(model: type[models.Model]) -> list[str]:
    """All pages of a model: the list, a search, each filter, what makes a row, and one row with its acts."""
    listing = reverse(f"{base(model)}_changelist")
    makers = [act.name for act in page_of(model).acts if act.makes]
    found = [listing, f"{listing}?q=a", *(reverse(f"{base(model)}_make", args=[name]) for name in makers)]
    row = page_of(model).get_queryset(None).first()
    if row is not None:
        found += [reverse(f"{base(model)}_{name}", args=[row.pk]) for name in ("change", "history")]
        on_rows = [act.name for act in page_of(model).acts if not act.makes]
        found += [reverse(f"{base(model)}_act", args=[row.pk, name]) for name in on_rows]
    return found


GENERAL = ["/admin/", "/admin/password_change/", "/admin/jsi18n/"]


@pytest.fixture(autouse=True)
def forgotten() -> None:
    """No test's failed tries count in another."""
    failed_for_name.clear()
    failed_from_address.clear()


@pytest.fixture
def rows(work: Work, rita: Reader, max_: Reader) -> None:
    """At least one row of most models."""
    issue_key(user=rita.user, name="laptop", now=START)


def test_it_has_only_pages_that_change_nothing_by_hand() -> None:
    assert len(MODELS) >= 11
    for model in MODELS:
        page = page_of(model)
        assert isinstance(page, OperatorAdmin), f"{model} is edited as a row"
        assert page.search_fields, f"{model} can't be searched"
        assert page.list_filter, f"{model} has no filters"
        for act in page.acts:
            assert act.effects, f"{model}: {act.name} doesn't say what happens"


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label_lower)
def test_it_is_for_operators_only(
    rows: None, olga: Reader, rita: Reader, max_: Reader, client: Any, model: type[models.Model]
) -> None:
    for address in [*addresses(model), *GENERAL]:
        for stranger in (client, rita.client, max_.client):
            for answer in (
                stranger.get(address),
                stranger.post(address, {"confirmed": "yes", "reason": "x"}),
            ):
                assert answer.status_code == 302
                assert answer["Location"].startswith("/admin/login/?next=/admin/")
        assert olga.client.get(address, follow=True).status_code == 200, address


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label_lower)
def test_it_adds_edits_and_deletes_no_rows_by_hand(
    rows: None, olga: Reader, model: type[models.Model]
) -> None:
    row = page_of(model).get_queryset(None).first()
    assert row is not None
    before = list(model._default_manager.order_by("pk").values())
    for name, arguments in (("add", []), ("change", [row.pk]), ("delete", [row.pk])):
        address = reverse(f"{base(model)}_{name}", args=arguments)
        sent = {"post": "yes", "state": "completed", "is_online": "", "is_paused": "on", "_save": "Save"}
        assert olga.client.post(address, sent).status_code == 403
    listing = reverse(f"{base(model)}_changelist")
    olga.client.post(listing, {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})
    assert list(model._default_manager.order_by("pk").values()) == before


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label_lower)
def test_it_asks_as_much_of_the_database_for_many_rows_as_for_few(
    rows: None, author: Author, backend: Backend, olga: Reader, model: type[models.Model]
) -> None:
    def statements() -> dict[str, int]:
        counted = {}
        for address in addresses(model):
            with CaptureQueriesContext(
                connection,
            ) as seen:
                assert olga.client.get(address).status_code in (200, 302)
            counted[re.sub(r"/[^/]{36}/|/\d+/", "/row/", address)] = len(seen)
        return counted

    few = statements()
    for _ in range(4):
        another = make_author()
        make_work(another, make_backend())
        issue_key(user=another.user, name="laptop", now=START)
    many = statements()
    assert max(many.values()) <= MOST_STATEMENTS, many
    grown = {address: (few[address], n) for address, n in many.items() if n > few.get(address, n)}
    assert not grown


def test_it_signs_in_operators_whatever_the_frameworks_flags_say(
    olga: Reader, rita: Reader, client: Any
) -> None:
    for reader in (olga, rita):
        reader.user.set_password("a long pass phrase")
        reader.user.save()
    User.objects.filter(pk=rita.user.pk).update(is_staff=True, is_superuser=True)
    form = {"username": "rita", "password": "a long pass phrase", "next": "/admin/"}
    answer = client.post("/admin/login/?next=/admin/", form)
    assert answer.status_code == 200
    assert "for operators of the platform" in answer.content.decode()
    answer = client.post("/admin/login/?next=/admin/", {**form, "username": "olga"})
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")
    User.objects.filter(pk=olga.user.pk).update(is_operator=False)
    assert client.get("/admin/").status_code == 302, "at once"


def test_it_makes_who_guesses_wait(olga: Reader, client: Any, time: Any) -> None:
    olga.user.set_password("a long pass phrase")
    olga.user.save()
    form = {"username": "olga", "password": "wrong", "next": "/admin/"}
    for _ in range(8):
        assert client.post("/admin/login/", form).status_code == 200
    answer = client.post("/admin/login/", {**form, "password": "a long pass phrase"})
    assert answer.status_code == 429
    assert "too many failed tries" in answer.content.decode()
    time.seconds = 301
    assert client.post("/admin/login/", {**form, "password": "a long pass phrase"}).status_code == 302


def test_its_pages_load_nothing_from_elsewhere_and_run_nothing_inline(rows: None, olga: Reader) -> None:
    for address in ["/admin/", *(each for model in MODELS for each in addresses(model))]:
        answer = olga.client.get(address, follow=True)
        assert "default-src 'none'" in answer["Content-Security-Policy"]
        assert answer["Cache-Control"].startswith(("no-store", "max-age=0"))
        page = answer.content.decode()
        assert not re.findall(r"<script(?![^>]*\bsrc=)[^>]*>|<style|\sstyle=|\son\w+=", page), address
        assert not re.findall(r'(?:src|href)="(?:https?:)?//', page), address
