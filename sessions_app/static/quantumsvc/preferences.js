// Theme and clock: kept in cookies, so that the server draws the next page right from its first byte.
const YEAR = 31536000;

function keep(name, value) {
  document.cookie = `${name}=${value}; path=/; max-age=${YEAR}; samesite=lax`;
}

function keepChanged(group) {
  const changed = [...group.querySelectorAll("input")].filter((box) => box.checked !== ("usual" in box.dataset));
  keep(group.dataset.cookieList, changed.map((box) => box.value).join("."));
}

export function startPreferences() {
  document.addEventListener("change", (event) => {
    const group = event.target.closest("[data-cookie-list]");
    if (!group) return;
    keepChanged(group);
    document.dispatchEvent(new CustomEvent("quantumsvc:look"));
  });
  for (const group of document.querySelectorAll("[data-cookie]")) {
    group.addEventListener("change", (event) => {
      keep(group.dataset.cookie, event.target.value);
      if (group.dataset.cookie === "theme") document.documentElement.dataset.theme = event.target.value;
      else location.reload();
    });
  }
}
