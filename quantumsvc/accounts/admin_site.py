"""The administration site: for platform operators, whatever other flags their accounts have."""

from typing import Any, cast

from django.contrib.admin import AdminSite
from django.contrib.admin.forms import AdminPasswordChangeForm
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from quantumsvc import clock
from quantumsvc.accounts import audit
from quantumsvc.accounts.models import AuditEntry, User
from quantumsvc.accounts.pages.signing_in import LimitedLoginView

RECENT = 12


class OperatorLogin(AuthenticationForm):
    """Lets nobody in but operators, and tells others no more than that."""

    required_css_class = "required"

    def confirm_login_allowed(self, user: Any) -> None:
        super().confirm_login_allowed(user)
        if not user.is_operator:
            raise ValidationError("These pages are for operators of the platform.", code="not_an_operator")


class OwnPassword(AdminPasswordChangeForm):
    """An operator's own new password; that it was changed is in the audit."""

    def save(self, commit: bool = True) -> User:
        user: User = super().save(commit)
        audit.note("user.password_changed", user, actor=user, now=clock.now())
        return user


class OperatorSite(AdminSite):
    site_header = "quantumsvc administration"
    site_title = "quantumsvc administration"
    index_title = "Administration"
    empty_value_display = "-"

    def has_permission(self, request: HttpRequest) -> bool:
        """Operators only."""
        user = request.user
        return isinstance(user, User) and user.is_active and user.is_operator

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The first page: what there is, and what was done last."""
        recent = AuditEntry.objects.all()[:RECENT]
        return super().index(request, {**(extra_context or {}), "recent": recent})

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The sign-in, with the same limit to guessing as that of the pages."""
        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index"))
        context = {
            **self.each_context(request),
            "title": "Sign in",
            "subtitle": None,
            "app_path": request.get_full_path(),
            "username": request.user.get_username(),
            "next": request.GET.get("next") or request.POST.get("next") or reverse("admin:index"),
            **(extra_context or {}),
        }
        view = LimitedLoginView.as_view(
            authentication_form=OperatorLogin,
            template_name="admin/sign_in.html",
            redirect_authenticated_user=False,
            extra_context=context,
        )
        return cast("HttpResponse", view(request))

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """The operator's own password."""
        view = PasswordChangeView.as_view(
            form_class=OwnPassword,
            success_url=reverse("admin:password_change_done"),
            template_name="registration/password_change_form.html",
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return cast("TemplateResponse", view(request))
