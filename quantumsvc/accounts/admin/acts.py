"""What an operator can do in the administration pages: a form, what it leads to, and one service call.

Nothing there is edited as a row. Each change is an ``Act``; it is confirmed, carried out by the service
that the API calls too, and refused as there.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models, transaction

from quantumsvc.accounts.models import User
from quantumsvc.errors import ServiceError, Several, StaleTransition

MAX_REASON = 500
# So many rows at once can be looked through before they are confirmed.
MAX_ROWS = 200


class ActForm(forms.Form):
    """The form of an act on ``row``, or on nothing when it makes a new one."""

    required_css_class = "required"

    def __init__(self, *args: Any, row: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.row = row
        self.prepare()

    def prepare(self) -> None:
        """Fit the fields to the row."""


def reason_field(*, required: bool, told: str = "It is kept in the audit.") -> forms.CharField:
    """Why something is done."""
    widget = forms.Textarea(attrs={"rows": 2, "cols": 60})
    return forms.CharField(
        label="Reason", required=required, max_length=MAX_REASON, widget=widget, help_text=told
    )


class ReasonGiven(ActForm):
    """An act that must be explained."""

    reason = reason_field(required=True)


class ReasonWanted(ActForm):
    """An act that may be explained."""

    reason = reason_field(required=False)


@dataclass(frozen=True)
class Deed:
    """One act about to be done: on what, by whom, when, and what the form says."""

    row: Any
    actor: User
    now: datetime
    data: Mapping[str, Any]

    @property
    def reason(self) -> str:
        """Why, as told in the form."""
        return str(self.data.get("reason", "")).strip()


@dataclass(frozen=True, kw_only=True)
class Act:
    """Something an operator can do to a row, to many rows, or (``makes``) without any.

    ``effects`` are sentences that say what will happen. ``refusal`` says why it can't be done to a row,
    or nothing. ``do`` calls one service; what it gives back, if it is text, is shown once. ``check`` answers
    the button "Check first" with sentences and changes nothing.
    """

    name: str
    label: str
    effects: tuple[str, ...]
    do: Callable[[Deed], object]
    form: type[ActForm] = ReasonWanted
    refusal: Callable[[Any], str] = lambda row: ""
    initial: Callable[[Any], dict[str, Any]] = lambda row: {}
    check: Callable[[Deed], Iterable[str]] | None = None
    many: bool = True
    makes: bool = False
    danger: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of an act on one row; ``refused`` is empty when it was done."""

    row: models.Model | None
    told: str = ""
    refused: tuple[str, ...] = ()


def carry_out(act: Act, deed: Deed) -> Outcome:
    """Do it in one transaction, or change nothing and tell why."""
    if deed.row is not None and (refused := act.refusal(deed.row)):
        return Outcome(deed.row, refused=(refused,))
    try:
        with transaction.atomic():
            told = act.do(deed)
    except Several as errors:
        return Outcome(deed.row, refused=tuple(_told(each) for each in errors.found))
    except ServiceError as error:
        return Outcome(deed.row, refused=(_told(error),))
    except ValidationError as error:
        return Outcome(deed.row, refused=_sentences(error))
    except StaleTransition:
        return Outcome(deed.row, refused=("It has changed meanwhile. Look at it again.",))
    return Outcome(deed.row, told=told if isinstance(told, str) else "")


def _told(error: ServiceError) -> str:
    return f"{error.message} {error.solution}".strip()


def _sentences(error: ValidationError) -> tuple[str, ...]:
    """The error's messages, those about a field with its name before them."""
    if not hasattr(error, "error_dict"):
        return tuple(error.messages)
    found = error.message_dict.items()
    return tuple(
        message if name == NON_FIELD_ERRORS else f"{name.replace('_', ' ')}: {message}"
        for name, messages in found
        for message in messages
    )


class ModelSettings(ActForm):
    """A form of some fields of a model, with the model's own labels, help and checks."""

    model: ClassVar[type[models.Model]]
    names: ClassVar[Sequence[str]]
    reason = reason_field(required=False)

    def prepare(self) -> None:
        """The model's fields before the reason."""
        found = forms.fields_for_model(self.model, fields=self.names) or {}
        self.fields = {**found, **self.fields}

    @classmethod
    def values_of(cls, row: Any) -> dict[str, Any]:
        """What the form begins with."""
        return {name: getattr(row, name) for name in cls.names} if row else {}

    @classmethod
    def chosen(cls, deed: Deed) -> dict[str, Any]:
        """What the form says, without the reason."""
        return {name: deed.data[name] for name in cls.names}
