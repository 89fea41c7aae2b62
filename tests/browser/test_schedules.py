"""An operator's schedules of calibrations, and the pages that tell why there is no other, in a browser."""

import pytest
from playwright.sync_api import expect

from quantumsvc import clock
from quantumsvc.backends.demo_devices import demo_devices
from quantumsvc.backends.services import install_device
from sessions_app.models import BackendAlert, CalibrationSchedule
from tests.browser.conftest import Visits, hindrances
from tests.pages.conftest import Reader


@pytest.mark.parametrize("websocket", [True, False], ids=["pushed", "polled"])
def test_an_operator_makes_changes_and_deletes_a_schedule(
    visit: Visits, olga: Reader, websocket: bool
) -> None:
    device = install_device(
        device=next(d for d in demo_devices() if d.name == "demo_manila"), now=clock.now()
    )
    BackendAlert.objects.create(backend=device, kind="drift", at=clock.now(), text="T1 of qubit 2 fell.")
    page = visit(olga.user, "/calibrations", websocket=websocket)
    page.get_by_role("link", name="New schedule…").click()
    page.get_by_label("Name").fill("nightly")
    page.get_by_label("Repeats").select_option("Every week")
    page.get_by_label("Qubits").fill("0, 9")
    page.get_by_label("T1").check()
    page.get_by_role("button", name="Make the schedule").click()
    expect(page.get_by_role("alert")).to_contain_text("it has no 9")
    if websocket:
        assert hindrances(page) == []
    page.get_by_label("Qubits").fill("0, 1")
    page.get_by_role("button", name="Make the schedule").click()
    row = page.locator("tr", has_text="nightly").filter(has_text="Every week")
    expect(row).to_contain_text("in ")
    schedule = CalibrationSchedule.objects.get()
    assert (schedule.qubits, schedule.experiments) == ([0, 1], ["T1"])
    if websocket:
        assert hindrances(page) == []
    page.get_by_role("button", name="Seen").click()
    expect(page.get_by_text("T1 of qubit 2 fell.")).to_have_count(0)
    page.get_by_role("link", name="Change… nightly").click()
    page.get_by_label("Switched on").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("switched off")
    page.get_by_role("link", name="Delete… nightly").click()
    page.get_by_label("Why").fill("the chip is gone")
    page.get_by_role("button", name="Delete it").click()
    expect(page.locator(".messages")).to_contain_text("The schedule nightly was deleted.")
    visit.errors[:] = [each for each in visit.errors if "WebSocket" not in each and "400" not in each]


def test_its_pages_about_errors_are_usable_by_everybody(visit: Visits, rita: Reader) -> None:
    for user, path in ((rita.user, "/nothing"), (None, "/nothing"), (rita.user, "/reservations/new")):
        page = visit(user, path)
        expect(page.locator(".fault h1")).to_be_visible()
        assert hindrances(page) == []
    page.get_by_role("link", name="Go to the jobs").click()
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()
    visit.errors[:] = [each for each in visit.errors if "403" not in each]
