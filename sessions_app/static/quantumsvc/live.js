// Keeps marked parts of a page as fresh as the database.
//
//   <section id="job-panel" data-live="job:ID session:ID">…</section>
//
// When something happens to what `data-live` names, the part is fetched from `data-live-url`, or from the
// page's own address, and put in place: what a live page shows is what a fresh one would. Topics are
// job:ID, session:ID, backend:NUMBER, instance:NUMBER, and "work" for any job or session.
// The fetch carries the header X-Live with the ids that it wants; the answer may be those parts alone.
//
//   <section id="work" data-live="work" data-live-rows="new" data-live-counts="states">…<tr id="job-ID">…
//
// A part with rows is fetched row by row, with its counts. "new" rows come in at its top; where it says "any",
// a change may make any row match, and the part is fetched as a whole. A row with topics of its own is fetched
// for those too.
import { Connection } from "./connection.js";
import { Refresher } from "./refresher.js";

const INDICATOR = { live: "Live", reconnecting: "Reconnecting", paused: "Paused", polling: "Polling" };

function topicsOf(change) {
  const named = [`${change.kind}:${change.id}`, `instance:${change.instance}`, `backend:${change.backend}`];
  if (change.session) named.push(`session:${change.session}`);
  if (change.kind === "job" || change.kind === "session") named.push("work");
  return new Set(named);
}

function show(state) {
  const indicator = document.getElementById("connection");
  if (!indicator) return;
  indicator.hidden = false;
  indicator.dataset.state = state;
  indicator.querySelector(".word").textContent = INDICATOR[state];
  indicator.setAttribute("aria-pressed", String(state === "paused"));
}

// Has what is to be fetched after a change of one row's job or session.
function wantRows(refresher, part, change) {
  const named = [`${change.kind}-${change.id}`, `session-${change.session}`];
  const isNew = change.new && part.dataset.liveRows === "new";
  if (!document.getElementById(named[0]) && (isNew || part.dataset.liveRows === "any")) {
    // Where there are no rows yet, there is no place for one.
    if (!isNew || !part.querySelector("tbody")) return refresher.want(part.id);
    refresher.wantNew(named[0], part);
  }
  for (const id of named) if (part.contains(document.getElementById(id))) refresher.want(id);
  return refresher.want(part.dataset.liveCounts);
}

function hear(refresher, changes) {
  const told = changes.map((change) => [change, topicsOf(change)]);
  for (const part of document.querySelectorAll("[data-live]")) {
    const wanted = part.dataset.live.split(/\s+/);
    const heard = told.filter(([, topics]) => wanted.some((topic) => topics.has(topic)));
    if (!heard.length) continue;
    if ("liveRows" in part.dataset) {
      for (const [change] of heard) wantRows(refresher, part, change);
    } else {
      // What only follows a backend may look different; what is named has changed.
      const isNamed = (topic) => !topic.startsWith("backend:") && heard.some(([, topics]) => topics.has(topic));
      refresher.want(part.id, wanted.some(isNamed));
    }
  }
}

function wantAll(refresher) {
  for (const part of document.querySelectorAll("[data-live]")) refresher.want(part.id);
}

export function startLive() {
  const indicator = document.getElementById("connection");
  if (!indicator || !document.querySelector("[data-live]")) return;
  const refresher = new Refresher();
  const connection = new Connection({
    onState: show,
    onChanges: (changes) => hear(refresher, changes),
    onLook: () => wantAll(refresher),
  });
  document.addEventListener("quantumsvc:look", () => wantAll(refresher));
  indicator.addEventListener("click", () => connection.toggle());
  document.addEventListener("visibilitychange", () => connection.attend(!document.hidden));
  connection.attend(!document.hidden);
}
