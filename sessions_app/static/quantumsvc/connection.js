// The socket of a page: connected while the page is looked at, made again when it was lost, replaced by
// polling where none can be had. After every gap the page is told to look anew, because bells that ring
// while nobody listens are not kept.
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15000;
const FAILURES_BEFORE_POLLING = 2;
const POLL_MS = 5000;
// Longer than a web server takes to answer; a socket that says nothing for so long is given up.
const SILENCE_MS = 40000;

export class Connection {
  constructor({ onState, onChanges, onLook }) {
    Object.assign(this, { onState, onChanges, onLook });
    this.isLookedAt = false;
    this.isHeld = false;
    this.failures = 0;
  }

  attend(isLookedAt) {
    this.isLookedAt = isLookedAt;
    this.follow();
  }

  toggle() {
    this.isHeld = !this.isHeld;
    this.follow();
  }

  follow() {
    if (this.isLookedAt && !this.isHeld) {
      if (!this.socket) this.open();
    } else {
      this.stop();
      this.onState("paused");
    }
  }

  open() {
    clearTimeout(this.retry);
    if (!this.polling) this.onState("reconnecting");
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = (this.socket = new WebSocket(`${scheme}//${location.host}/ws/live`));
    socket.addEventListener("message", (event) => this.socket === socket && this.heard(JSON.parse(event.data)));
    socket.addEventListener("close", () => this.socket === socket && this.lost());
  }

  heard(message) {
    this.watchSilence();
    if (message.type === "welcome") this.welcomed();
    else if (message.type === "changed") this.onChanges(message.changes);
    else if (message.type === "look") this.onLook();
  }

  welcomed() {
    this.failures = 0;
    this.endPolling();
    this.onState("live");
    // Also the first time: something may have happened between the page's rendering and now.
    this.onLook();
  }

  lost() {
    this.socket = undefined;
    clearTimeout(this.silence);
    this.failures += 1;
    if (this.failures >= FAILURES_BEFORE_POLLING) this.poll();
    else this.onState("reconnecting");
    const wait = Math.min(FIRST_RETRY_MS * 2 ** (this.failures - 1), LONGEST_RETRY_MS);
    this.retry = setTimeout(() => this.open(), wait * (0.5 + Math.random() / 2));
  }

  poll() {
    this.onState("polling");
    if (this.polling) return;
    this.onLook();
    this.polling = setInterval(() => this.onLook(), POLL_MS);
  }

  endPolling() {
    clearInterval(this.polling);
    this.polling = undefined;
  }

  watchSilence() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.socket?.close(), SILENCE_MS);
  }

  stop() {
    clearTimeout(this.retry);
    clearTimeout(this.silence);
    this.endPolling();
    const socket = this.socket;
    this.socket = undefined;
    socket?.close();
  }
}
