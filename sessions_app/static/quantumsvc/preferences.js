// Theme and clock: kept in cookies, so that the server draws the next page right from its first byte.
const YEAR = 31536000;

function keep(name, value) {
  document.cookie = `${name}=${value}; path=/; max-age=${YEAR}; samesite=lax`;
}

export function startPreferences() {
  for (const group of document.querySelectorAll("[data-cookie]")) {
    group.addEventListener("change", (event) => {
      keep(group.dataset.cookie, event.target.value);
      if (group.dataset.cookie === "theme") document.documentElement.dataset.theme = event.target.value;
      else location.reload();
    });
  }
}
