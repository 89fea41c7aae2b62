// What the framework's pages leave out for those who use a keyboard or have pages read to them.
(function () {
  // The library that finds rows while a name is typed gives its fields no names: they get those of their labels.
  function nameFields() {
    for (const select of document.querySelectorAll("select.admin-autocomplete")) {
      const label = document.querySelector(`label[for="${select.id}"]`);
      const field = select.nextElementSibling;
      if (!label || !field) continue;
      const name = label.textContent.replace(/:\s*$/, "");
      for (const part of field.querySelectorAll("[role='combobox'], [role='textbox'], [role='searchbox'], input, textarea")) {
        part.setAttribute("aria-label", name);
        part.removeAttribute("aria-labelledby");
      }
    }
  }

  // What is scrolled sideways on a narrow screen can be reached and scrolled with the keyboard.
  function reachTables() {
    for (const part of document.querySelectorAll(".inline-group, .results, .readonly pre, .chosen")) {
      part.tabIndex = 0;
    }
  }

  reachTables();
  if (window.django && window.django.jQuery) window.django.jQuery(nameFields);
})();
