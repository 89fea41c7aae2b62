"""The receiver's code in the documents believes what is genuine, and nothing else."""

import re
import time
from pathlib import Path
from typing import Any

import pytest

from quantumsvc import clock
from quantumsvc.notices.kinds import NoticeKind
from quantumsvc.notices.signing import signature

DOCUMENT = (Path(__file__).parents[2] / "docs" / "notifications.md").read_text()


@pytest.fixture
def is_genuine() -> Any:
    code = re.findall(r"```python\n(.*?)```", DOCUMENT, re.S)[0]
    names: dict[str, Any] = {}
    exec(code, names)
    return names["is_genuine"]


def test_it_believes_what_is_genuine_and_nothing_else(is_genuine: Any) -> None:
    now = clock.now()
    header = signature("whsec_a", b"{}", now)
    assert is_genuine("whsec_a", header, b"{}")
    assert not is_genuine("whsec_b", header, b"{}")
    assert not is_genuine("whsec_a", header, b"[]")
    assert not is_genuine(
        "whsec_a", header.replace(str(int(now.timestamp())), str(int(time.time()) - 60)), b"{}"
    )


def test_it_believes_nothing_old(is_genuine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    header = signature("whsec_a", b"{}", clock.now())
    later = time.time() + 301
    monkeypatch.setattr(time, "time", lambda: later)
    assert not is_genuine("whsec_a", header, b"{}")


@pytest.mark.parametrize("kind", NoticeKind)
def test_it_documents_every_event(kind: NoticeKind) -> None:
    assert f"`{kind.value}`" in DOCUMENT
