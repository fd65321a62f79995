// A table that is wider than the page is set tight; if it is too wide all the same, a line may end
// before a ±, and at last the names of its rows stand above their numbers (book.css). Each step is
// taken by all tables at once, so that the page is laid out once for each.
(function () {
  "use strict";

  const widths = new WeakMap();
  const wide = (table) => table.parentElement.scrollWidth > table.parentElement.clientWidth;
  const steps = [
    (table) => table.classList.add("tight"),
    (table) => {
      for (const cell of table.querySelectorAll("td")) cell.textContent = cell.textContent.replace("\u00a0±", " ±");
    },
    (table) => table.classList.replace("tight", "names-above"),
    (table) => table.classList.add("tight"),
  ];
  function fit(tables) {
    for (const table of tables) table.classList.remove("tight", "names-above");
    for (const step of steps) {
      tables = tables.filter(wide);
      tables.forEach(step);
    }
  }
  const boxes = new ResizeObserver((entries) => {
    const changed = entries.filter(({ target, contentRect }) => widths.get(target) !== contentRect.width);
    for (const { target, contentRect } of changed) widths.set(target, contentRect.width);
    if (changed.length) requestAnimationFrame(() => fit(changed.map(({ target }) => target.querySelector("table.comparison"))));
  });
  for (const table of document.querySelectorAll("table.comparison")) boxes.observe(table.parentElement);
})();
