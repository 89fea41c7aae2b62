// <button data-copy="text"> or <button data-copy-from="element id"> copies, and says so for a moment.
const SHOWN_MS = 1500;

export function startCopying() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy], [data-copy-from]");
    if (!button) return;
    const text = button.dataset.copy ?? document.getElementById(button.dataset.copyFrom).textContent;
    await navigator.clipboard.writeText(text.trim());
    button.classList.add("copied");
    setTimeout(() => button.classList.remove("copied"), SHOWN_MS);
  });
}
