// The Jobs page: addresses without empty filters, and a button that knows whether a job is ticked.
export function startWork() {
  document.addEventListener("htmx:configRequest", (event) => {
    if (!event.target.matches("[data-trims-address]")) return;
    const { parameters } = event.detail;
    for (const name of Object.keys(parameters)) if (parameters[name] === "") delete parameters[name];
  });
  for (const name of ["change", "quantumsvc:fresh", "htmx:afterSettle"]) document.addEventListener(name, countTicked);
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, select, textarea");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey) return;
    const search = document.getElementById("f-text");
    if (!search) return;
    event.preventDefault();
    search.focus();
  });
}

function countTicked() {
  const button = document.getElementById("cancel-ticked");
  if (!button) return;
  const count = document.querySelectorAll("#ticked input[name=id]:checked").length;
  button.disabled = count === 0;
  button.textContent = count ? `Cancel selected (${count})` : "Cancel selected";
}
