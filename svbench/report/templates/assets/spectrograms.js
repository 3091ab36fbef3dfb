"use strict";
// Show the spectrogram and the difference image of the selected signal, with a line at the position.
// An image is loaded only when its signal is selected.

document.querySelectorAll(".spectrograms").forEach((root) => {
  const box = root.closest("details"), article = root.closest("article");
  const { player } = root.closest(".player");
  const images = [...root.querySelectorAll("img.spectrogram, img.difference")];
  const show = () => {
    if (!box.open) return;
    const { current } = player;
    const name = current.dataset.system;
    for (const image of images) {
      const kind = image.className;
      const address = name && current.dataset[kind];
      image.closest("figure").hidden = !address;
      if (!address || image.getAttribute("src") === address) continue;
      image.src = address;
      image.alt = kind === "difference" ? `What ${name} lacks and has too much of` : `Spectrogram of ${name}`;
      image.closest("figure").querySelector(".whose").textContent = name;
    }
  };
  article.addEventListener("chosen", show);
  box.addEventListener("toggle", show);
  article.addEventListener("moved", () => {
    const share = Math.max(0, Math.min(player.position / player.duration, 1));
    root.style.setProperty("--at", `${100 * share}%`);
  });
  root.querySelectorAll(".spectrum").forEach((frame) => frame.addEventListener("click", (event) => {
    const { left, width } = frame.getBoundingClientRect();
    player.goTo(((event.clientX - left) / width) * player.duration);
    player.play();
  }));
  show();
});
