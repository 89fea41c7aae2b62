// Fetches parts of the page anew. However much happens, there is one request at a time, the next one waits
// at least as long as the last one took, and what is heard meanwhile is asked for together.
import { morph } from "./morph.js";
import { tick } from "./times.js";

const SHORTEST_GAP_MS = 100;
const FLASH_MS = 1200;

export class Refresher {
  constructor() {
    this.wanted = new Set();
    this.isBusy = false;
    this.notBefore = 0;
  }

  want(part) {
    this.wanted.add(part.id);
    this.schedule();
  }

  schedule() {
    if (this.isBusy || this.timer || !this.wanted.size) return;
    this.timer = setTimeout(() => this.run(), Math.max(this.notBefore - performance.now(), 0));
  }

  async run() {
    this.timer = undefined;
    this.isBusy = true;
    const ids = [...this.wanted];
    this.wanted.clear();
    const began = performance.now();
    try {
      for (const [url, group] of byAddress(ids)) await refresh(url, group);
    } catch (error) {
      // The server can't be reached: the connection is lost as well, and looks anew when it is back.
      console.warn("a part of the page could not be fetched", error);
    }
    const now = performance.now();
    this.notBefore = now + Math.max(now - began, SHORTEST_GAP_MS);
    this.isBusy = false;
    this.schedule();
  }
}

function addressOf(part) {
  return part.dataset.liveUrl ?? location.pathname + location.search;
}

function byAddress(ids) {
  const groups = new Map();
  for (const id of ids) {
    const part = document.getElementById(id);
    if (!part) continue;
    const url = addressOf(part);
    groups.set(url, [...(groups.get(url) ?? []), id]);
  }
  return groups;
}

async function refresh(url, ids) {
  const answer = await fetch(url, { headers: { "X-Live": ids.join(" ") }, credentials: "same-origin" });
  // Signed out, or no longer allowed to look: what a fresh page would say.
  if (answer.redirected || answer.status === 403 || answer.status === 404) return void location.reload();
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  tick(fresh);
  for (const id of ids) put(url, id, fresh.getElementById(id));
  document.dispatchEvent(new CustomEvent("quantumsvc:fresh", { detail: { ids } }));
}

function put(url, id, fresh) {
  const old = document.getElementById(id);
  // The reader may have moved on to another address, such as other filters, while the answer was on its way.
  if (!old || !fresh || addressOf(old) !== url) return;
  morph(old, document.adoptNode(fresh), flash);
}

function flash(element) {
  if (!("flash" in element.dataset)) return;
  element.classList.add("flash");
  setTimeout(() => element.classList.remove("flash"), FLASH_MS);
}
