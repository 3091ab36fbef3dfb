"use strict";
// Tables that sort by any column.

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.querySelectorAll("thead th")];
  heads.forEach((head, column) => {
    const button = head.querySelector(".sort");
    if (!button) return;
    button.addEventListener("click", () => {
      const keys = [...table.tBodies[0].rows].map((row) => key(row, column));
      const first = keys.some((k) => typeof k === "number") ? "descending" : "ascending";
      const other = { ascending: "descending", descending: "ascending" };
      const order = other[head.getAttribute("aria-sort")] ?? first;
      heads.forEach((h) => h.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      // Oracles are a body of their own: they never mix with the systems.
      for (const body of table.tBodies) body.append(...sorted([...body.rows], column, order));
    });
  });
}

function sorted(rows, column, order) {
  const sign = order === "ascending" ? 1 : -1;
  const known = rows.filter((row) => key(row, column) !== null);
  const unknown = rows.filter((row) => key(row, column) === null);
  known.sort((a, b) => sign * compare(key(a, column), key(b, column)));
  return [...known, ...unknown]; // what has no score comes last either way
}

function key(row, column) {
  const text = row.cells[column].dataset.sort;
  if (text === "") return null;
  const number = Number(text);
  return Number.isNaN(number) ? text : number;
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}
