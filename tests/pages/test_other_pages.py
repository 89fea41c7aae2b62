"""Backends, connecting, signing in and out, and what is shown when something is wrong."""

import ast
import re

import pytest
from django.test import Client, RequestFactory
from pytest_django import Settings

from quantumsvc import pages_errors
from quantumsvc.accounts.models import Instance
from quantumsvc.accounts.roles import Role
from quantumsvc.accounts.services import issue_key, revoke_key
from quantumsvc.backends.models import Backend
from sessions_app.services.submission import Author
from tests.factories import START, make_backend, make_instance, submit
from tests.pages.conftest import Reader, join, sign_in, text_of
from tests.pages.test_every_page import check_page


def test_it_lists_backends_with_their_state_and_queue(author: Author, backend: Backend, rita: Reader) -> None:
    submit(author, backend)
    make_backend(name="gone", is_online=False, status_message="in repair")
    make_backend(name="resting", is_paused=True, kind="simulator", qubits=30)
    text = rita.sees("/backends")
    assert f"{backend.name} Online Qubits 5 Queue 1 Expected wait 2 min" in text, "a fifth of its limit"
    assert "gone Offline in repair Qubits 5 Queue 0 Expected wait none" in text
    assert "resting Paused Qubits 30 Queue 0" in text


def test_it_lists_a_closed_backend_only_to_those_who_may_use_it(
    lab: Instance, rita: Reader, olga: Reader, stranger: Reader
) -> None:
    closed = make_backend(name="closed_one", open_to_all=False)
    closed.grants.create(instance=lab)
    assert "closed_one" in rita.sees("/backends")
    assert "closed_one" in olga.sees("/backends")
    assert "closed_one" not in stranger.sees("/backends")
    assert "closed_one" not in stranger.sees("/")
    assert "There is no backend that you may use." in stranger.sees("/backends")


def lines_of(page: str) -> list[str]:
    """The blocks of lines to copy, as they are."""
    return [
        text.replace("&quot;", '"').replace("&#x27;", "'")
        for text in re.findall(r"<code>([^<]*\n[^<]*)<", page)
    ]


def test_it_gives_the_lines_for_a_shell_and_a_notebook(
    lab: Instance, rita: Reader, backend: Backend, settings: Settings
) -> None:
    settings.PUBLIC_URL = "https://quantum.example.org/"
    page = rita.get("/connect").content.decode()
    shell, _, notebook = lines_of(page)
    assert "export IAM_URL=https://quantum.example.org\n" in shell
    assert "export QISKIT_IBM_URL=https://quantum.example.org/experimental\n" in shell
    assert f"export QISKIT_IBM_INSTANCE={lab.crn}" in shell
    assert "export QISKIT_IBM_TOKEN=YOUR_API_KEY\n" in shell
    assert 'os.environ["IAM_URL"] = "https://quantum.example.org"' in notebook
    assert f'instance="{lab.crn}"' in notebook
    assert f'backend = service.backend("{backend.name}")' in notebook
    assert notebook.index("os.environ") < notebook.index("qiskit_ibm_runtime")
    ast.parse(notebook)
    assert "without it the client sends your key to a public host" in text_of(page)


def test_it_connects_to_the_instance_that_was_chosen(lab: Instance, rita: Reader, stranger: Reader) -> None:
    second = make_instance(name="second", plan="premium")
    join(second, Role.READER)
    second.memberships.create(user=rita.user)
    assert lab.crn in rita.sees("/connect")
    assert f'instance="{second.crn}"' in rita.sees("/connect", instance=second.pk)
    assert lab.crn not in stranger.sees("/connect", instance=lab.pk)


def test_it_names_valid_keys_by_their_beginning_only(rita: Reader, wanda: Reader) -> None:
    key = issue_key(user=rita.user, name="laptop", now=START)
    old = issue_key(user=rita.user, name="old one", now=START)
    revoke_key(key=old.key, now=START)
    issue_key(user=wanda.user, name="someone else's", now=START)
    text = rita.sees("/connect")
    assert f"laptop ( {key.text[:8]}… )" in text
    assert "old one" not in text
    assert "someone else's" not in text
    assert key.text not in text


def test_it_needs_an_instance_to_connect_to(db: None) -> None:
    assert "You are a member of no active instance yet." in sign_in().sees("/connect")


def test_it_signs_in_and_out(lab: Instance) -> None:
    ada = join(lab, Role.READER, username="ada").user
    ada.set_password("correct horse")
    ada.save()
    browser = Client()
    assert browser.get("/sessions")["Location"] == "/login?next=/sessions"
    wrong = browser.post("/login", {"username": "ada", "password": "wrong"})
    assert "Please enter a correct username and password" in wrong.content.decode()
    assert 'value="ada"' in wrong.content.decode()
    asked = {"username": "ada", "password": "correct horse", "next": "/sessions"}
    assert browser.post("/login", asked)["Location"] == "/sessions"
    assert "Signed in as ada" in text_of(browser.get("/").content.decode())
    assert browser.get("/logout").status_code == 405, "a link must sign nobody out"
    assert browser.post("/logout")["Location"] == "/login"
    assert browser.get("/").status_code == 302


def test_it_goes_to_no_other_site_after_signing_in(lab: Instance) -> None:
    ada = join(lab, Role.READER, username="ada").user
    ada.set_password("correct horse")
    ada.save()
    asked = {"username": "ada", "password": "correct horse", "next": "https://evil.example/"}
    assert Client().post("/login", asked)["Location"] == "/"


def test_it_lets_a_suspended_user_in_no_more(rita: Reader) -> None:
    rita.user.is_active = False
    rita.user.save()
    assert rita.get("/")["Location"] == "/login?next=/"


def test_it_shows_the_administration_to_staff_only(rita: Reader) -> None:
    assert "Administration" not in rita.sees("/")
    assert "Administration" in sign_in(is_staff=True).sees("/")


def test_it_has_its_own_page_for_what_is_not_there(rita: Reader) -> None:
    for answer in (rita.get("/nothing"), rita.get("/jobs/a%00b"), Client().get("/nothing")):
        assert answer.status_code == 404
        assert "There is nothing at this address" in answer.content.decode()
    assert "Signed in as rita" in text_of(rita.get("/nothing").content.decode())


def test_it_offers_strangers_to_sign_in_where_they_wanted_to_go() -> None:
    assert 'href="/login?next=/jobs/x/nothing"' in Client().get("/jobs/x/nothing").content.decode()


def test_it_says_that_a_form_has_expired(rita: Reader) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(rita.user)
    answer = browser.post("/settings", {"first_name": "Rita"})
    assert answer.status_code == 403
    told = text_of(answer.content.decode())
    assert "The form has expired" in told
    assert "Nothing was changed." in told


def test_it_leaves_errors_of_the_api_in_the_shape_of_the_api(rita: Reader) -> None:
    answer = rita.get("/experimental/nothing")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/json"


def test_it_has_its_own_page_for_its_own_mistakes(rf: RequestFactory) -> None:
    request = rf.get("/")
    request.COOKIES["theme"] = "dark"
    answer = pages_errors.server_error(request)
    assert answer.status_code == 500
    page = answer.content.decode()
    assert "The service made a mistake" in page
    assert 'data-theme="dark"' in page
    check_page(page)


def test_it_has_its_own_page_for_a_request_it_cannot_read(rf: RequestFactory) -> None:
    answer = pages_errors.bad_request(rf.get("/"), Exception("x"))
    assert answer.status_code == 400
    assert "The request can't be read" in text_of(answer.content.decode())


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_it_reads_pages_with_get_only(rita: Reader, method: str) -> None:
    for path in ("/", "/sessions", "/backends", "/connect", "/reservations/utilisation.csv"):
        assert getattr(rita.client, method)(path).status_code == 405


def test_it_says_when_an_address_is_not_asked_that_way(rita: Reader) -> None:
    answer = rita.post("/usage")
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
    assert "This address was asked with POST; it only knows GET, HEAD." in text_of(answer.content.decode())
