"""Sets that come from outside are checked to the last value, and history is never rewritten (W9)."""

import json
from datetime import datetime
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from quantumsvc.accounts.models import AuditEntry, User
from quantumsvc.backends.models import Backend, CalibrationSet
from quantumsvc.errors import BadRequest
from sessions_app.models import BackendAlert
from sessions_app.services.calibrations.uploading import upload_set
from tests.calibrations.making import current, make_chip, properties
from tests.factories import at, make_user

RECENTLY = at(5)


@pytest.fixture
def chip(db: None) -> Backend:
    return make_chip()


@pytest.fixture
def operator(db: None) -> User:
    return make_user(is_operator=True)


def upload(chip: Backend, by: User, document: Any, taken_at: datetime = RECENTLY) -> CalibrationSet:
    return upload_set(backend=chip, document=document, taken_at=taken_at, note="own", by=by, now=at(10))


def test_it_makes_an_uploaded_set_the_current_one(chip: Backend, operator: User) -> None:
    document = properties(chip.name, t1=70.0)
    kept = upload(chip, operator, document)
    assert current(chip) == kept
    assert (kept.source, kept.note, kept.taken_at) == ("uploaded", "own", at(5))
    assert json.loads(kept.properties) == document
    assert AuditEntry.objects.get(action="calibration.uploaded").actor == operator


def test_it_raises_an_alert_for_an_uploaded_set_that_has_drifted(chip: Backend, operator: User) -> None:
    upload(chip, operator, properties(chip.name, t1=30.0, t2=50.0))
    alert = BackendAlert.objects.get()
    assert (alert.kind, alert.run) == ("drift", None)


def spoilt(name: str, how: str) -> Any:
    document = properties(name)
    qubit, gate = document["qubits"][0], document["gates"][-1]
    spoil: dict[str, Any] = {
        "another backend": lambda: document.update(backend_name="other"),
        "a qubit too few": lambda: document["qubits"].pop(),
        "no number": lambda: qubit[0].update(value="long"),
        "not finite": lambda: qubit[0].update(value=float("inf")),
        "not positive": lambda: qubit[0].update(value=0),
        "no probability": lambda: qubit[3].update(value=1.5),
        "an odd unit": lambda: qubit[0].update(unit="years"),
        "an odd date": lambda: qubit[1].update(date="yesterday"),
        "T2 over twice T1": lambda: qubit[1].update(value=250.0),
        "an unknown gate": lambda: gate.update(gate="warp"),
        "qubits that are not there": lambda: gate.update(qubits=[0, 2]),
        "the same qubit twice": lambda: gate.update(qubits=[1, 1]),
        "no gates": lambda: document.pop("gates"),
    }
    spoil[how]()
    return document


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("another backend", "backend_name must be"),
        ("a qubit too few", "all 2 qubits"),
        ("no number", "qubits"),
        ("not finite", "finite"),
        ("not positive", "more than 0"),
        ("no probability", "from 0 to 1"),
        ("an odd unit", "unit must be"),
        ("an odd date", "not a date"),
        ("T2 over twice T1", "twice T1"),
        ("an unknown gate", "no such gate"),
        ("qubits that are not there", "not qubits of the backend"),
        ("the same qubit twice", "not qubits of the backend"),
        ("no gates", "gates"),
    ],
)
def test_it_refuses_a_document_with(chip: Backend, operator: User, how: str, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        upload(chip, operator, spoilt(chip.name, how))
    assert CalibrationSet.objects.filter(backend=chip).count() == 1


def test_it_tells_everything_that_is_wrong(chip: Backend, operator: User) -> None:
    document = properties(chip.name, readout=3.0)
    document["gates"][0]["qubits"] = [9]
    with pytest.raises(ValidationError) as refused:
        upload(chip, operator, document, taken_at=at(11))
    assert len(refused.value.message_dict["properties"]) == 3
    assert "future" in refused.value.message_dict["taken_at"][0]


@pytest.mark.parametrize("taken_at", [at(-86_400), at(-90_000)])
def test_it_rewrites_no_history(chip: Backend, operator: User, taken_at: datetime) -> None:
    with pytest.raises(ValidationError, match="later than that of the current set"):
        upload(chip, operator, properties(chip.name), taken_at)


@pytest.mark.parametrize("kind", ["simulator", "mock"])
def test_it_takes_no_set_for_what_has_nothing_to_calibrate(db: None, operator: User, kind: str) -> None:
    chip = make_chip(kind=kind)
    with pytest.raises(BadRequest, match="is not calibrated"):
        upload(chip, operator, properties(chip.name))
