// The admin page keeps itself up to date: parts marked data-live are taken from the page as it is now.
// All else, forms above all, is left alone.

const EVERY_MS = 15000;
const switched = document.querySelector("#refreshes");
const stale = document.querySelector("#stale");
let timer = 0;

async function refresh() {
  let answer;
  try {
    answer = await fetch("/admin", { credentials: "same-origin" });
  } catch {
    stale.textContent = "The server does not answer. Trying again.";
    return;
  }
  if (answer.status === 401) {
    stale.textContent = "You are signed out. Reload the page to sign in.";
    switched.checked = false;
    schedule();
    return;
  }
  if (!answer.ok) {
    stale.textContent = "The server could not tell how the test stands. Trying again.";
    return;
  }
  const now = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = now.querySelector(`[data-live="${part.dataset.live}"]`);
    if (fresh && fresh.innerHTML !== part.innerHTML) part.replaceChildren(...fresh.childNodes);
  }
  stale.textContent = "";
}

function schedule() {
  clearInterval(timer);
  if (switched.checked) timer = setInterval(() => { if (!document.hidden) refresh(); }, EVERY_MS);
}

switched.closest("label").hidden = false;
switched.addEventListener("change", () => {
  if (switched.checked) refresh();
  schedule();
});
document.addEventListener("visibilitychange", () => { if (!document.hidden && switched.checked) refresh(); });
schedule();

for (const button of document.querySelectorAll(".copy")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const field = document.getElementById(button.dataset.copies);
    const said = button.parentElement.querySelector(".copied");
    try {
      await navigator.clipboard.writeText(field.value);
      said.textContent = "Copied.";
    } catch { // without https a browser has no clipboard
      field.focus();
      field.select();
      said.textContent = "Selected: copy it with the keyboard.";
    }
  });
}
