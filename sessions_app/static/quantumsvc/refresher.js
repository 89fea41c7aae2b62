// Fetches parts of the page anew. What itself changed is asked for at once; what only may look different because
// of it comes in a quiet moment after. However much happens, there is one request of each sort at a time, and
// what is heard meanwhile is asked for together. After a few without a quiet moment between them they come less
// often, and the longer the server takes, the less.
import { morph } from "./morph.js";
import { tick } from "./times.js";

// So many requests follow each other at once, and so many soon; then it is a streak.
const SPRINT = 3;
const STREAK = 10;
const SPRINT_GAP_MS = 100;
const STREAK_GAP_MS = 500;
const LONGEST_GAP_MS = 5000;
// Longer than the shortest time between two messages of the same group.
const CALM_MS = 250;
// What may wait lets what changed go first, but not for longer than this.
const QUIET_MS = 150;
const LONGEST_WAIT_MS = 1000;
const FLASH_MS = 1200;

// What is wanted of one sort, and when it may be asked for.
class Lane {
  constructor() {
    this.ids = new Set();
    this.streak = 0;
    this.notBefore = 0;
    this.ended = -Infinity;
    this.calmFrom = 0;
  }

  add(id) {
    const now = performance.now();
    if (!this.ids.size) {
      this.since = now;
      if (now > this.calmFrom) this.streak = 0;
    }
    this.ids.add(id);
  }

  take() {
    const ids = [...this.ids];
    this.ids.clear();
    return ids;
  }

  // What is heard until its end belongs to the same streak.
  begins() {
    this.calmFrom = Infinity;
    return performance.now();
  }

  hasEnded(began) {
    this.ended = performance.now();
    this.streak += 1;
    const took = this.ended - began;
    this.notBefore = this.ended + Math.min(this.gapAfter(took), LONGEST_GAP_MS);
    this.calmFrom = Math.max(this.notBefore, this.ended + Math.max(2 * took, CALM_MS));
  }

  gapAfter(took) {
    if (this.streak <= SPRINT) return 0;
    return this.streak <= STREAK ? Math.max(took, SPRINT_GAP_MS) : Math.max(2 * took, STREAK_GAP_MS);
  }
}

export class Refresher {
  constructor() {
    this.first = new Lane();
    this.later = new Lane();
    this.running = undefined;
    // Rows that are not on the page yet, and the parts that they belong into.
    this.entering = new Map();
  }

  // A new row of a part, to come in at its top.
  wantNew(id, part) {
    this.entering.set(id, part.id);
    this.want(id);
  }

  want(id, isChanged = true) {
    (isChanged ? this.first : this.later).add(id);
    this.schedule();
  }

  schedule() {
    clearTimeout(this.timer);
    const { first, later, running } = this;
    if (running?.lane === first) return;
    if (first.ids.size) this.runAt(first, first.notBefore);
    else if (later.ids.size && !running) {
      const quiet = first.streak > SPRINT ? first.notBefore : first.ended + QUIET_MS;
      this.runAt(later, Math.max(later.notBefore, quiet));
    }
  }

  runAt(lane, moment) {
    this.timer = setTimeout(() => this.run(lane), Math.max(moment - performance.now(), 0));
  }

  async run(lane) {
    const overtaken = this.running;
    const mine = (this.running = { lane, ids: this.take(lane) });
    // Its answer may be older than this one's.
    for (const id of overtaken?.ids ?? []) this.later.add(id);
    const began = lane.begins();
    try {
      for (const [url, ids] of this.byAddress(mine.ids)) if (this.running === mine) await this.refresh(url, ids, mine);
    } catch (error) {
      // The server can't be reached: the connection is lost as well, and looks anew when it is back.
      console.warn("a part of the page could not be fetched", error);
    }
    lane.hasEnded(began);
    if (this.running !== mine) return;
    this.running = undefined;
    this.schedule();
  }

  // What waited for long, and what waits while much changes, comes along.
  take(lane) {
    const { first, later } = this;
    if (lane === later) return later.take();
    for (const id of first.ids) later.ids.delete(id);
    const isLong = performance.now() - later.since > LONGEST_WAIT_MS;
    return [...first.take(), ...(isLong || first.streak > SPRINT ? later.take() : [])];
  }

  async refresh(url, ids, mine) {
    const answer = await fetch(url, { headers: { "X-Live": ids.join(" ") }, credentials: "same-origin" });
    // Signed out, or no longer allowed to look: what a fresh page would say.
    if (answer.redirected || answer.status === 403 || answer.status === 404) return void location.reload();
    if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
    const text = await answer.text();
    if (this.running !== mine) return;
    const fresh = new DOMParser().parseFromString(text, "text/html");
    tick(fresh);
    for (const id of ids) this.put(url, id, fresh.getElementById(id));
    document.dispatchEvent(new CustomEvent("quantumsvc:fresh", { detail: { ids } }));
  }

  put(url, id, fresh) {
    const old = document.getElementById(id);
    const part = old ?? this.partOf(id);
    this.entering.delete(id);
    // The reader may have moved on to another address, such as other filters, while the answer was on its way.
    if (!part || addressOf(part) !== url) return;
    if (old && fresh) morph(old, document.adoptNode(fresh), flash);
    else if (fresh) this.enter(part, document.adoptNode(fresh));
    // A row that does not belong into its table any more.
    else if (old && outer(old)) this.want(outer(old).id);
  }

  // The last row may have to leave, and the ways to other pages change: the rest of the part comes later.
  enter(part, row) {
    part.querySelector("tbody")?.prepend(row);
    flash(row);
    this.want(part.id, false);
  }

  partOf(id) {
    return document.getElementById(id) ?? document.getElementById(this.entering.get(id));
  }

  // A part within another that is asked for comes with that.
  byAddress(ids) {
    const isAsked = new Set(ids);
    const groups = new Map();
    for (const id of ids) {
      const part = this.partOf(id);
      if (!part) continue;
      let around = part.id === id ? outer(part) : part;
      while (around && !isAsked.has(around.id)) around = outer(around);
      if (around) continue;
      const url = addressOf(part);
      groups.set(url, [...(groups.get(url) ?? []), id]);
    }
    return groups;
  }
}

function outer(part) {
  return part.parentElement?.closest("[data-live]");
}

function addressOf(part) {
  return part.closest("[data-live-url]")?.dataset.liveUrl ?? location.pathname + location.search;
}

function flash(element) {
  if (!("flash" in element.dataset)) return;
  element.classList.add("flash");
  setTimeout(() => element.classList.remove("flash"), FLASH_MS);
}
