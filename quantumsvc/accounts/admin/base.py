"""What all pages of the administration share: rows are read, and changed by acts only."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from quantumsvc import clock
from quantumsvc.accounts.admin.acts import MAX_ROWS, Act, ActForm, Deed, Outcome, carry_out
from quantumsvc.accounts.pages import reader_of

M = TypeVar("M", bound=models.Model)

# Django's admin classes are generic for the type checker only.
if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[models.Model]
    TabularInline = admin.TabularInline[models.Model, models.Model]
else:
    ModelAdmin, TabularInline = admin.ModelAdmin, admin.TabularInline

__all__ = ["IncorrectLookupParameters", "OperatorAdmin", "ReadOnlyInline", "badge", "preformatted"]


class ReadOnly:
    """Whoever is let into the site reads everything; nobody adds, edits or deletes rows by hand."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyInline(ReadOnly, TabularInline):
    """Rows that belong to the one that is shown."""

    extra = 0
    can_delete = False
    show_change_link = False


class OperatorAdmin(ReadOnly, ModelAdmin):
    """A list that can be searched, a page of one row, and acts on them."""

    acts: ClassVar[Sequence[Act]] = ()
    list_per_page = 50
    # Counting all rows of a long table takes longer than reading a page of it.
    show_full_result_count = False
    change_form_template = "admin/operator_row.html"
    change_list_template = "admin/operator_list.html"

    # --- Reading ---

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """One row, with what can be done to it."""
        row = self.get_object(request, object_id)
        possible = [act for act in self.acts if not act.makes and row is not None and not act.refusal(row)]
        context = {**(extra_context or {}), "acts": [self._button(act, object_id) for act in possible]}
        return super().change_view(request, object_id, form_url, context)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list, with what can be made."""
        makers = [self._button(act, None) for act in self.acts if act.makes]
        return super().changelist_view(request, {**(extra_context or {}), "acts": makers})

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """What was done to the row, as the audit has it."""
        asked = {"object_kind": self.opts.model_name, "object_id": object_id}
        return HttpResponseRedirect(f"{reverse('admin:accounts_auditentry_changelist')}?{urlencode(asked)}")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Operators may look for anything; links of these pages do."""
        return True

    # --- Acting ---

    def get_urls(self) -> list[URLPattern]:
        """The addresses of acts, before those of rows."""
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        own = [
            path("act/<str:act>/", self.admin_site.admin_view(self.make_view), name=f"{name}_make"),
            path(
                "<path:object_id>/act/<str:act>/",
                self.admin_site.admin_view(self.act_view),
                name=f"{name}_act",
            ),
        ]
        return [*own, *super().get_urls()]

    def get_actions(self, request: HttpRequest) -> Any:
        """The acts that can be done to many rows."""
        found = {}
        for act in self.acts:
            if act.many and not act.makes:
                found[act.name] = (partial(_act_on_rows, act), act.name, act.label)
        return found

    def make_view(self, request: HttpRequest, act: str) -> HttpResponse:
        """Make something new."""
        return self._ask(request, self._act_called(act, makes=True), [])

    def act_view(self, request: HttpRequest, object_id: str, act: str) -> HttpResponse:
        """Act on one row."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        return self._ask(request, self._act_called(act, makes=False), [row])

    def act_on_rows(self, act: Act, request: HttpRequest, rows: models.QuerySet[Any]) -> HttpResponse | None:
        """Act on the rows that were marked in the list."""
        chosen = list(rows[: MAX_ROWS + 1])
        if len(chosen) > MAX_ROWS:
            self.message_user(request, f"At most {MAX_ROWS} at a time.", messages.ERROR)
            return None
        return self._ask(request, act, chosen, marked=True)

    def _act_called(self, name: str, *, makes: bool) -> Act:
        act = next((each for each in self.acts if each.name == name and each.makes is makes), None)
        if act is None:
            raise Http404
        return act

    def _ask(
        self, request: HttpRequest, act: Act, rows: Sequence[Any], *, marked: bool = False
    ) -> HttpResponse:
        """Show what will happen and ask; do it when the form says so and is complete."""
        row = rows[0] if rows and not marked else None
        told = request.method == "POST" and "confirmed" in request.POST
        form = act.form(request.POST if told else None, row=row, initial=act.initial(row))
        checked: list[str] | None = None
        if told and form.is_valid():
            if "check" in request.POST and act.check is not None:
                checked = list(act.check(self._deed(request, row, form)))
            else:
                outcomes = [carry_out(act, self._deed(request, each, form)) for each in rows or [None]]
                if marked or not outcomes[0].refused:
                    return self._done(request, act, outcomes, row)
                for refused in outcomes[0].refused:
                    form.add_error(None, refused)
        return self._page(request, act, rows, form, marked=marked, checked=checked)

    def _deed(self, request: HttpRequest, row: Any, form: ActForm) -> Deed:
        return Deed(row, reader_of(request), clock.now(), form.cleaned_data)

    def _done(
        self, request: HttpRequest, act: Act, outcomes: Sequence[Outcome], row: models.Model | None
    ) -> HttpResponse:
        done = [each for each in outcomes if not each.refused]
        for each in done:
            if each.told:
                self.message_user(request, each.told, messages.SUCCESS)
        if done and not any(each.told for each in done):
            self.message_user(request, f"{act.label}: done{_count(done)}.", messages.SUCCESS)
        for each in outcomes:
            if each.refused:
                self.message_user(request, f"{each.row}: {' '.join(each.refused)}", messages.WARNING)
        return HttpResponseRedirect(self._back(row))

    def _page(
        self,
        request: HttpRequest,
        act: Act,
        rows: Sequence[Any],
        form: ActForm,
        *,
        marked: bool,
        checked: list[str] | None,
    ) -> HttpResponse:
        refusals = [(row, act.refusal(row)) for row in rows]
        context = {
            **self.admin_site.each_context(request),
            "title": act.label,
            "opts": self.opts,
            "act": act,
            "form": form,
            "rows": refusals,
            "possible": sum(not refused for _, refused in refusals),
            "marked": marked,
            "checked": checked,
            # A template would call the function.
            "can_check": act.check is not None,
            "back": self._back(None if marked or not rows else rows[0]),
            "media": self.media + form.media,
        }
        return TemplateResponse(request, "admin/act.html", context)

    def _back(self, row: models.Model | None) -> str:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}"
        if row is None or not self.model._default_manager.filter(pk=row.pk).exists():
            return reverse(f"{name}_changelist")
        return reverse(f"{name}_change", args=[row.pk])

    def _button(self, act: Act, object_id: str | None) -> dict[str, Any]:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}"
        if object_id is None:
            return {"act": act, "url": reverse(f"{name}_make", args=[act.name])}
        return {"act": act, "url": reverse(f"{name}_act", args=[object_id, act.name])}


def _act_on_rows(
    act: Act, page: OperatorAdmin, request: HttpRequest, rows: models.QuerySet[Any]
) -> HttpResponse | None:
    return page.act_on_rows(act, request, rows)


def _count(done: Sequence[Outcome]) -> str:
    return f" ({len(done)})" if len(done) > 1 else ""


def badge(word: str, tone: str) -> SafeString:
    """A state, in the colours that the pages give it."""
    return format_html('<span class="badge {}">{}</span>', tone, word)


def preformatted(text: str) -> SafeString:
    """Text with its line breaks."""
    return format_html("<pre>{}</pre>", text)
