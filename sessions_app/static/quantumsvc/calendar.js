// Drawing in the calendar: over free time to book it, on a bar of one's own to move or resize it. The arrow
// keys do the same as the pointer. All that it leads to is a form with these times; nothing is booked here.
// Times are taken from the rows: each tells from when to when it goes, so an hour has its place also on days
// on which the clocks change. What is drawn snaps to quarters of an hour.
const QUARTER = 15 * 60_000;
const HOUR = 4 * QUARTER;
const EDGE = 8;
const LEAST = 6;
const SVG = "http://www.w3.org/2000/svg";

let cursor;
let drag;
let wasDragged = false;

const chart = () => document.getElementById("calendar-chart");
const tracks = () => [...chart().querySelectorAll(".track")];
const begins = (element) => Date.parse(element.dataset.start);
const ends = (element) => Date.parse(element.dataset.end);
const number = (element, name) => Number(element.getAttribute(name));

function timeAt(track, clientX) {
  const box = track.getBoundingClientRect();
  const part = Math.min(Math.max((clientX - box.left) / box.width, 0), 1);
  return begins(track) + part * (ends(track) - begins(track));
}

function snapped(time) {
  return Math.round(time / QUARTER) * QUARTER;
}

function trackUnder(event) {
  return tracks().find((track) => {
    const box = track.getBoundingClientRect();
    return event.clientY >= box.top && event.clientY < box.bottom;
  });
}

function mark(track, start, end) {
  unmark();
  const length = ends(track) - begins(track);
  const x = (time) => number(track, "x") + ((time - begins(track)) / length) * number(track, "width");
  const left = Math.max(x(start), number(track, "x"));
  const shape = document.createElementNS(SVG, "rect");
  const right = Math.min(x(end), number(track, "x") + number(track, "width"));
  const places = { class: "drawn-anew", x: left, y: number(track, "y") + 1, width: Math.max(right - left, 1), height: number(track, "height") - 2 };
  for (const [name, value] of Object.entries(places)) shape.setAttribute(name, value);
  chart().querySelector("svg").append(shape);
}

function unmark() {
  for (const shape of document.querySelectorAll(".drawn-anew")) shape.remove();
}

function told(start, end, backend) {
  const zone = chart().dataset.zone;
  const form = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short", timeZone: zone });
  return `${backend ? `${backend}, ` : ""}${form.format(start)} to ${form.format(end)}`;
}

function go(address, start, end, backend) {
  const asked = new URLSearchParams({ start: new Date(start).toISOString(), end: new Date(end).toISOString() });
  if (backend) asked.set("backend", backend);
  location.assign(`${address}?${asked}`);
}

// The pointer.
function grip(bar, event) {
  const box = bar.querySelector("rect").getBoundingClientRect();
  if (event.clientX > box.right - Math.min(EDGE, box.width / 3)) return "end";
  if ("begun" in bar.dataset) return undefined;
  return event.clientX < box.left + Math.min(EDGE, box.width / 3) ? "start" : "whole";
}

function press(event) {
  wasDragged = false;
  if (event.button !== 0 || event.pointerType === "touch" || !chart()?.dataset.books) return;
  const bar = event.target.closest("[data-window]");
  const track = trackUnder(event);
  if (!track || !chart().contains(event.target)) return;
  if (bar) {
    const part = grip(bar, event);
    if (part) drag = { bar, part, track, from: event.clientX, since: timeAt(track, event.clientX) };
  } else if (event.target.classList.contains("track")) {
    drag = { track, from: event.clientX, since: timeAt(track, event.clientX) };
  }
}

function drawn(event) {
  if (!drag.bar) {
    const [start, end] = [drag.since, timeAt(drag.track, event.clientX)].sort((a, b) => a - b).map(snapped);
    return { track: drag.track, start, end: Math.max(end, start + QUARTER) };
  }
  const { part } = drag;
  const old = { start: begins(drag.bar), end: ends(drag.bar) };
  const track = part === "whole" && !drag.track.dataset.backend ? trackUnder(event) ?? drag.track : drag.track;
  const shift = timeAt(track, event.clientX) - drag.since;
  if (part === "end") return { track, start: old.start, end: Math.max(snapped(old.end + shift), old.start + QUARTER) };
  if (part === "start") return { track, start: Math.min(snapped(old.start + shift), old.end - QUARTER), end: old.end };
  const start = snapped(old.start + shift);
  return { track, start, end: start + old.end - old.start };
}

function move(event) {
  if (!drag) return;
  if (!wasDragged && Math.abs(event.clientX - drag.from) < LEAST && trackUnder(event) === drag.track) return;
  wasDragged = true;
  const { track, start, end } = drawn(event);
  mark(track, start, end);
}

function release(event) {
  if (!drag) return;
  const { bar } = drag;
  const { track, start, end } = drawn(event);
  const isMeant = wasDragged && end > start;
  drag = undefined;
  if (!isMeant) return unmark();
  if (bar) go(`${bar.getAttribute("href")}/move`, start, end);
  else go(chart().dataset.books, start, end, track.dataset.backend);
}

function giveUp() {
  drag = undefined;
  cursor = undefined;
  unmark();
}

// The keyboard.
function firstCursor() {
  const now = document.querySelector(".calendar-drawing .now");
  const found = tracks();
  const row = Math.max(found.findIndex((track) => now?.parentElement.contains(track)), 0);
  const track = found[row];
  const x = now ? number(now, "x1") : number(track, "x");
  const part = (x - number(track, "x")) / number(track, "width");
  const start = Math.ceil((begins(track) + part * (ends(track) - begins(track))) / HOUR) * HOUR;
  return { row, start, end: start + HOUR };
}

function kept(place) {
  const found = tracks();
  const row = Math.min(Math.max(place.row, 0), found.length - 1);
  const length = Math.max(place.end - place.start, QUARTER);
  const start = Math.min(Math.max(place.start, begins(found[row])), ends(found[row]) - QUARTER);
  return { row, start, end: start + length };
}

function inRow(place, row) {
  const found = tracks();
  const next = Math.min(Math.max(row, 0), found.length - 1);
  const shift = begins(found[next]) - begins(found[place.row]);
  return { row: next, start: place.start + shift, end: place.end + shift };
}

const KEYS = {
  ArrowRight: (at, longer) => (longer ? { ...at, end: at.end + QUARTER } : { ...at, start: at.start + HOUR, end: at.end + HOUR }),
  ArrowLeft: (at, longer) => (longer ? { ...at, end: at.end - QUARTER } : { ...at, start: at.start - HOUR, end: at.end - HOUR }),
  ArrowDown: (at) => inRow(at, at.row + 1),
  ArrowUp: (at) => inRow(at, at.row - 1),
};

function show() {
  cursor = kept(cursor);
  const track = tracks()[cursor.row];
  mark(track, cursor.start, cursor.end);
  document.querySelector(".drawn-anew").scrollIntoView({ block: "nearest", inline: "nearest" });
  document.getElementById("calendar-told").textContent = told(cursor.start, cursor.end, track.dataset.backend);
}

function key(event) {
  const here = chart();
  if (!here?.dataset.books || event.target !== here || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === "Escape") return giveUp();
  if (event.key === "Enter" && cursor) return go(here.dataset.books, cursor.start, cursor.end, tracks()[cursor.row].dataset.backend);
  const step = KEYS[event.key];
  if (!step) return;
  event.preventDefault();
  cursor = cursor ? step(cursor, event.shiftKey) : firstCursor();
  show();
}

function startDrawing() {
  document.addEventListener("pointerdown", press);
  document.addEventListener("pointermove", move);
  document.addEventListener("pointerup", release);
  document.addEventListener("pointercancel", giveUp);
  document.addEventListener("keydown", key);
  // A bar is a link: dragging it is neither following it nor dragging the link itself.
  document.addEventListener("dragstart", (event) => event.target.closest?.("[data-window]") && event.preventDefault());
  document.addEventListener("click", (event) => wasDragged && event.target.closest("#calendar-chart") && event.preventDefault());
  document.addEventListener("quantumsvc:fresh", () => cursor && chart() && show());
}

startDrawing();
