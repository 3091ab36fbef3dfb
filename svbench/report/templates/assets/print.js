"use strict";
// Open every folded section before printing.

addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
