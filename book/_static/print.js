// Paper is white: a page that is read in the dark theme is printed in the light one.
(function () {
  "use strict";

  const root = document.documentElement;
  let shown = root.dataset.theme;
  matchMedia("print").addEventListener("change", ({ matches }) => {
    if (matches) shown = root.dataset.theme;
    root.dataset.theme = matches ? "light" : shown;
  });
})();
