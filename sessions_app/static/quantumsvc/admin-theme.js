// The theme that the reader chose on the pages, from its cookie. Loaded in the head, before anything is drawn.
(function () {
  const known = ["system", "light", "dark"];
  const words = { system: "as the system has it", light: "light", dark: "dark" };

  function chosen() {
    const found = document.cookie.match(/(?:^|; )theme=(\w+)/);
    return found && known.includes(found[1]) ? found[1] : "system";
  }

  function show(theme) {
    document.documentElement.dataset.theme = theme;
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-label", `Theme: ${words[theme]}`);
      button.title = `Theme: ${words[theme]}`;
    }
  }

  show(chosen());
  document.addEventListener("DOMContentLoaded", function () {
    show(chosen());
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.addEventListener("click", function () {
        const next = known[(known.indexOf(chosen()) + 1) % known.length];
        document.cookie = `theme=${next}; path=/; max-age=31536000; samesite=lax`;
        show(next);
      });
    }
  });
})();
