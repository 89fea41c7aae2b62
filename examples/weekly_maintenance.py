"""A weekly maintenance across the change of clocks, one occurrence of it moved.

Run it in a shell where ``eval "$(.venv/bin/python manage.py client --shell)"`` was done, with the key of an
operator:

    export OPERATOR_TOKEN=$(.venv/bin/python manage.py newkey operator --name maintenance)

The series begins two Mondays before the clocks of ZONE next change, at 08:00 on the wall. The example ends
the series when it has shown it, so that it can be run again.
"""

import json
import os
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

BACKEND = os.environ.get("QUANTUMSVC_BACKEND", "demo_nairobi")
ZONE = ZoneInfo(os.environ.get("ZONE", "Europe/Berlin"))
HOUR = 3600


class Api:
    """The service's own calls, beside those of the official client."""

    def __init__(self, token: str) -> None:
        self.address = os.environ["QISKIT_IBM_URL"].rstrip("/")
        self.headers = {"Authorization": f"apikey {token}", "Content-Type": "application/json"}

    def __call__(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The decoded answer; a refusal is raised with what it says."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data, self.headers, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            raise SystemExit(f"{refusal.code}: {refusal.read().decode()}") from refusal


def change_of_clocks(now: datetime) -> datetime:
    """The first noon after which the clocks of the zone show something else against UTC."""
    noon = now.astimezone(ZONE).replace(hour=12, minute=0, second=0, microsecond=0)
    while (noon + timedelta(days=1)).utcoffset() == noon.utcoffset():
        noon += timedelta(days=1)
    return noon


def first_monday(now: datetime) -> str:
    """Two Mondays before the change, at eight, as the clock on the wall shows it."""
    change = change_of_clocks(now + timedelta(days=21))
    monday = change - timedelta(days=7 + change.weekday())
    return f"{monday:%Y-%m-%d}T08:00"


def local(instant: str) -> str:
    """The day, the time on the wall, and the same in UTC."""
    at = datetime.fromisoformat(instant)
    return f"{at.astimezone(ZONE):%a %d %b %H:%M %Z} = {at.astimezone(UTC):%H:%M} UTC"


def show(api: Api, series: str, title: str) -> list[dict[str, Any]]:
    """Print the windows of the series and give them."""
    found = api("GET", f"/reservations?series={series}&end={_far()}")["reservations"]
    print(f"\n{title}:")
    for window in found:
        moved = "" if window["start"] == window["occurrence"] else "   moved"
        print(f"  {local(window['start'])}  {window['state']}{moved}")
    return list(found)


def _far() -> str:
    return (datetime.now(UTC) + timedelta(days=360)).strftime("%Y-%m-%d")


def main() -> None:
    """Book the series, move one occurrence, change the rest, and end it."""
    api = Api(os.environ["OPERATOR_TOKEN"])
    asked = {
        "backend": BACKEND,
        "kind": "maintenance",
        "rule": "FREQ=WEEKLY;COUNT=5",
        "first": first_monday(datetime.now(UTC)),
        "time_zone": ZONE.key,
        "duration": HOUR,
        "note": "cold head",
    }
    preview = api("POST", "/reservation-series?dry_run=true", asked)
    print(f"Possible: {preview['possible']}; {len(preview['occurrences'])} windows would be made.")
    series = api("POST", "/reservation-series", asked)["id"]
    windows = show(api, series, "The series: the hour on the wall stays, the hour in UTC changes")

    third = windows[2]
    later = datetime.fromisoformat(third["start"]) + timedelta(days=1, hours=2)
    api("PATCH", f"/reservations/{third['id']}", {"start": later.isoformat()})
    windows = show(api, series, "The third one moved by a day and two hours; the others stay")

    change = {"since": windows[3]["occurrence"], "duration": 2 * HOUR}
    following = api("PATCH", f"/reservation-series/{series}", change)["id"]
    show(api, series, "What is left of the first series")
    rest = show(api, following, "The fourth and all that follow take two hours now")
    assert all(_hours(window) == 2 for window in rest)

    for each in (series, following):
        if api("GET", f"/reservation-series/{each}")["ends_before"] is None:
            api("POST", f"/reservation-series/{each}/end", {"reason": "shown"})
    for window in api("GET", f"/reservations?series={series}&end={_far()}")["reservations"]:
        api("POST", f"/reservations/{window['id']}/cancel", {"reason": "shown"})


def _hours(window: dict[str, Any]) -> float:
    lasts = datetime.fromisoformat(window["end"]) - datetime.fromisoformat(window["start"])
    return lasts.total_seconds() / HOUR


if __name__ == "__main__":
    main()
