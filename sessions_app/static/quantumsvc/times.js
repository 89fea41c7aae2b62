// Times that move. The server's clock counts, not the reader's: every page brings the server's time along.
//   <time datetime=... data-ago>      "3 min ago", or "in 3 min"; the exact time is its title
//   <time datetime=... data-left>     counts down to a moment: "4 min 10 s", then "now"
//   <time datetime=... data-since>    counts up from a moment: "12 s"
//   <meter data-until=... data-from=...>   a bar that empties; its value is set each second
const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
const MARKED = "time[data-ago], time[data-left], time[data-since]";
let offset = 0;

export function serverNow() {
  return Date.now() + offset;
}

export function words(seconds) {
  let left = Math.max(Math.round(seconds), 0);
  const parts = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count || parts.length) parts.push(count ? `${count} ${unit}` : "");
    if (parts.length === 2) break;
  }
  return parts.filter(Boolean).join(" ") || "0 s";
}

function told(element, now) {
  const at = Date.parse(element.dateTime);
  if ("left" in element.dataset) return at > now ? words((at - now) / 1000) : "now";
  if ("since" in element.dataset) return words((now - at) / 1000);
  return relative((at - now) / 1000, element);
}

// The larger unit alone is enough from a day on; seconds are told of the last minute only. What is months
// away is told by its date.
function relative(seconds, element) {
  const length = Math.abs(seconds);
  if (length < 5) return "just now";
  if (length > 90 * 86400) return element.title.slice(0, 10);
  const told = words(length).replace(length >= 86400 ? / \d+ h$/ : / \d+ s$/, "");
  return seconds < 0 ? `${told} ago` : `in ${told}`;
}

export function tick(root = document) {
  const now = serverNow();
  for (const element of root.querySelectorAll(MARKED)) {
    const text = told(element, now);
    if (element.textContent !== text) element.textContent = text;
  }
  for (const bar of root.querySelectorAll("meter[data-until]")) {
    const until = Date.parse(bar.dataset.until);
    const from = Date.parse(bar.dataset.from);
    bar.value = Math.min(Math.max((until - now) / (until - from), 0), 1);
  }
}

export function startTimes() {
  const shown = Number(document.documentElement.dataset.now);
  const spent = performance.now() - (performance.getEntriesByType("navigation")[0]?.responseStart ?? 0);
  if (shown) offset = shown * 1000 + spent - Date.now();
  tick();
  document.addEventListener("htmx:afterSwap", () => tick());
  setInterval(() => document.hidden || tick(), 1000);
}
