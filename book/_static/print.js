// Paper is white: a page that is read in the dark theme is printed in the light one. And it is printed
// whole: images that wait until they come near the screen are loaded.
(function () {
  "use strict";

  const root = document.documentElement;
  let shown = root.dataset.theme;
  let printing = false;

  function turn(paper) {
    if (paper === printing) return; // most browsers tell it in both ways, some only in one
    printing = paper;
    if (paper) {
      shown = root.dataset.theme;
      for (const image of document.querySelectorAll("img[loading=lazy]")) image.loading = "eager";
    }
    root.dataset.theme = paper ? "light" : shown;
  }

  matchMedia("print").addEventListener("change", ({ matches }) => turn(matches));
  addEventListener("beforeprint", () => turn(true));
  addEventListener("afterprint", () => turn(false));
})();
