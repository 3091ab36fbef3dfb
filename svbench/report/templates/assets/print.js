"use strict";
// On paper nothing stays folded.

addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
