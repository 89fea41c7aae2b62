// Fetches parts of the page anew. However much happens, there is one request at a time, and the next one waits
// twice as long as the last one took: a server that is busy is asked less often. What is heard meanwhile is
// asked for together. What itself changed goes first; what only may look different because of it comes after.
import { morph } from "./morph.js";
import { tick } from "./times.js";

const SHORTEST_GAP_MS = 100;
const LONGEST_GAP_MS = 5000;
// After so many requests without a quiet moment between them, they come less often.
const STREAK = 10;
const STREAK_GAP_MS = 500;
// One change may be told in two messages, of the work and of its backend.
const SETTLING_MS = 10;
const FLASH_MS = 1200;

export class Refresher {
  constructor() {
    this.first = new Set();
    this.later = new Set();
    this.isBusy = false;
    this.notBefore = 0;
    this.streak = 0;
  }

  want(id, isChanged = true) {
    (isChanged ? this.first : this.later).add(id);
    if (!this.isBusy && !this.timer && performance.now() > this.notBefore) this.streak = 0;
    this.schedule();
  }

  schedule() {
    if (this.isBusy || this.timer || !(this.first.size || this.later.size)) return;
    this.timer = setTimeout(() => this.run(), Math.max(this.notBefore - performance.now(), SETTLING_MS));
  }

  async run() {
    this.timer = undefined;
    this.isBusy = true;
    const began = performance.now();
    try {
      for (const [url, ids] of byAddress(this.take())) await this.refresh(url, ids);
    } catch (error) {
      // The server can't be reached: the connection is lost as well, and looks anew when it is back.
      console.warn("a part of the page could not be fetched", error);
    }
    const now = performance.now();
    this.streak += 1;
    const least = this.streak > STREAK ? STREAK_GAP_MS : SHORTEST_GAP_MS;
    this.notBefore = now + Math.min(Math.max(2 * (now - began), least), LONGEST_GAP_MS);
    this.isBusy = false;
    this.schedule();
  }

  // What was put off once is not put off again.
  take() {
    for (const id of this.first) this.later.delete(id);
    const puttingOff = this.first.size > 0 && this.later.size > 0 && !this.hasPutOff;
    const ids = [...this.first, ...(puttingOff ? [] : this.later)];
    this.first.clear();
    if (!puttingOff) this.later.clear();
    this.hasPutOff = puttingOff;
    return ids;
  }

  async refresh(url, ids) {
    const answer = await fetch(url, { headers: { "X-Live": ids.join(" ") }, credentials: "same-origin" });
    // Signed out, or no longer allowed to look: what a fresh page would say.
    if (answer.redirected || answer.status === 403 || answer.status === 404) return void location.reload();
    if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    tick(fresh);
    for (const id of ids) this.put(url, id, fresh.getElementById(id));
    document.dispatchEvent(new CustomEvent("quantumsvc:fresh", { detail: { ids } }));
  }

  put(url, id, fresh) {
    const old = document.getElementById(id);
    // The reader may have moved on to another address, such as other filters, while the answer was on its way.
    if (!old || addressOf(old) !== url) return;
    if (fresh) morph(old, document.adoptNode(fresh), flash);
    // A row that does not belong into its table any more.
    else if (outer(old)) this.want(outer(old).id);
  }
}

function outer(part) {
  return part.parentElement?.closest("[data-live]");
}

function addressOf(part) {
  return part.closest("[data-live-url]")?.dataset.liveUrl ?? location.pathname + location.search;
}

// A part within another that is asked for comes with that.
function byAddress(ids) {
  const parts = ids.map((id) => document.getElementById(id)).filter(Boolean);
  const isAsked = new Set(parts);
  const groups = new Map();
  for (const part of parts) {
    let around = outer(part);
    while (around && !isAsked.has(around)) around = outer(around);
    if (around) continue;
    const url = addressOf(part);
    groups.set(url, [...(groups.get(url) ?? []), part.id]);
  }
  return groups;
}

function flash(element) {
  if (!("flash" in element.dataset)) return;
  element.classList.add("flash");
  setTimeout(() => element.classList.remove("flash"), FLASH_MS);
}
