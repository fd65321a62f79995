// A table that is wider than the page is set tight; if it is too wide all the same, a line may end
// before a ±, and at last the names of its rows stand above their numbers (book.css).
(function () {
  "use strict";

  const widths = new WeakMap();
  function fit(box) {
    const table = box.querySelector("table.comparison"), wide = () => box.scrollWidth > box.clientWidth;
    table.classList.remove("tight", "names-above");
    if (!wide()) return;
    table.classList.add("tight");
    if (wide()) for (const cell of table.querySelectorAll("td")) cell.textContent = cell.textContent.replace("\u00a0±", " ±");
    if (!wide()) return;
    table.classList.replace("tight", "names-above");
    table.classList.toggle("tight", wide());
  }
  const boxes = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) {
      if (widths.get(target) !== contentRect.width) requestAnimationFrame(() => fit(target));
      widths.set(target, contentRect.width);
    }
  });
  for (const table of document.querySelectorAll("table.comparison")) boxes.observe(table.parentElement);
})();
