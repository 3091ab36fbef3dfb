"use strict";
// Playlists of worst frames: a button in each row plays its frame, and the row that is playing is marked.

document.querySelectorAll(".playlist").forEach((list) => {
  const player = list.querySelector(".player")?.player;
  if (!player) return;
  // Where each frame begins in the joined audio. Rows may be sorted; data-sort keeps their number.
  const at = list.dataset.at.split(" ").map(Number);
  const rows = [...list.querySelectorAll("tbody tr")].map((row) => {
    const head = row.querySelector("th");
    const number = Number(head.dataset.sort) - 1;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "hear";
    button.setAttribute("aria-label", `Hear frame ${number + 1}`);
    button.textContent = "▶";
    // Seek to 1 ms after the start: if the browser rounded the start down, it would belong to the frame before.
    button.addEventListener("click", () => { player.goTo(at[number] + 0.001); player.play(); });
    head.append(button);
    return { row, number };
  });
  list.querySelector("article").addEventListener("moved", () => {
    const now = at.findLastIndex((seconds) => seconds <= player.position);
    for (const { row, number } of rows) {
      if (number === now) row.setAttribute("aria-current", "true"); else row.removeAttribute("aria-current");
    }
  });
});
