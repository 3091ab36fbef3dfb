"use strict";
// Tables that can be sorted by any column.

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.querySelectorAll("thead th")];
  heads.forEach((head, column) => {
    const button = head.querySelector(".sort");
    if (!button) return;
    button.addEventListener("click", () => {
      const keys = [...table.tBodies[0].rows].map((row) => key(row, column));
      // Numbers start with the highest, names with A.
      const first = keys.some((k) => typeof k === "number") ? "descending" : "ascending";
      const other = { ascending: "descending", descending: "ascending" };
      const order = other[head.getAttribute("aria-sort")] ?? first;
      heads.forEach((h) => h.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      // Oracles have a tbody of their own, so that they are never ranked among the systems.
      for (const body of table.tBodies) body.append(...sorted([...body.rows], column, order));
    });
  });
}

function sorted(rows, column, order) {
  const sign = order === "ascending" ? 1 : -1;
  const known = rows.filter((row) => key(row, column) !== null);
  const unknown = rows.filter((row) => key(row, column) === null);
  known.sort((a, b) => sign * compare(key(a, column), key(b, column)));
  return [...known, ...unknown]; // rows without a score come last in both directions
}

// The sort key of a cell: a number, a text, or null where there is no value.
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
