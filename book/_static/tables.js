// In a table that is wider than the page a line may end before a ±; if it is too wide all the same,
// the names of its rows stand above their numbers (book.css).
(function () {
  "use strict";

  const widths = new WeakMap();
  function fit(box) {
    const table = box.querySelector("table.comparison"), wide = () => box.scrollWidth > box.clientWidth;
    table.classList.remove("names-above");
    if (wide()) for (const cell of table.querySelectorAll("td")) cell.textContent = cell.textContent.replace("\u00a0±", " ±");
    table.classList.toggle("names-above", wide());
  }
  const boxes = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) {
      if (widths.get(target) !== contentRect.width) requestAnimationFrame(() => fit(target));
      widths.set(target, contentRect.width);
    }
  });
  for (const table of document.querySelectorAll("table.comparison")) boxes.observe(table.parentElement);
})();
