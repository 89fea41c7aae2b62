"""Form fields that several acts share."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect, AutocompleteSelectMultiple
from django.db import models
from django.utils import timezone

M = TypeVar("M", bound=models.Model)


class ZoneField(forms.ChoiceField):
    """A time zone of the database's."""

    def __init__(self, **kwargs: Any) -> None:
        # The browser narrows the list while a name is typed.
        names = sorted(available_timezones())
        given = {"label": "Time zone", "initial": timezone.get_current_timezone_name, **kwargs}
        super().__init__(choices=[(name, name) for name in names], **given)


def _clock_widget() -> forms.DateTimeInput:
    return forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}, format="%Y-%m-%dT%H:%M:%S")


class LocalTimeField(forms.DateTimeField):
    """An instant, given on the clock of the reader's zone."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=_clock_widget(), **kwargs)
        self.told = self.help_text

    def get_bound_field(self, form: forms.BaseForm, field_name: str) -> Any:
        """The field, saying which clock is meant."""
        self.help_text = f"On the clock of {timezone.get_current_timezone_name()}. {self.told}".strip()
        return super().get_bound_field(form, field_name)


class WallTimeField(forms.CharField):
    """What a clock on the wall shows, in a zone that another field names: a time without a zone."""

    default_error_messages = {"invalid": "Enter a date and a time."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=_clock_widget(), **kwargs)

    def to_python(self, value: Any) -> Any:
        if not (text := super().to_python(value)):
            return None
        try:
            return datetime.fromisoformat(text).replace(tzinfo=None, microsecond=0)
        except ValueError:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from None


class TagsField(forms.CharField):
    """Words between commas."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, help_text="Words, with commas between them.", **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list | tuple) else value

    def to_python(self, value: Any) -> Any:
        return [word.strip() for word in (super().to_python(value) or "").split(",") if word.strip()]


class NumbersField(forms.CharField):
    """Whole numbers between commas, such as the numbers of qubits."""

    default_error_messages = {"numbers": "Whole numbers, with commas between them."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value

    def to_python(self, value: Any) -> Any:
        words = [word.strip() for word in (super().to_python(value) or "").split(",") if word.strip()]
        if not all(word.isascii() and word.isdigit() and len(word) < 10 for word in words):
            raise forms.ValidationError(self.error_messages["numbers"], code="numbers")
        return [int(word) for word in words]


def row_field(rows: models.QuerySet[M], through: Any, **kwargs: Any) -> "forms.ModelChoiceField[M]":
    """One of ``rows``, found by typing; ``through`` is a relation to them, such as ``Job.user``."""
    widget = AutocompleteSelect(through.field, admin.site)
    return forms.ModelChoiceField(rows, widget=widget, **kwargs)


def rows_field(rows: models.QuerySet[M], through: Any, **kwargs: Any) -> "forms.ModelMultipleChoiceField[M]":
    """Some of ``rows``, found by typing."""
    widget = AutocompleteSelectMultiple(through.field, admin.site)
    return forms.ModelMultipleChoiceField(rows, widget=widget, **kwargs)


def choices(words: Iterable[str]) -> list[tuple[str, str]]:
    """Each word, shown with a capital and without underscores."""
    return [(str(word), str(word).replace("_", " ").capitalize()) for word in words]
