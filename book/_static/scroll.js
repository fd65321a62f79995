// A formula or an explorer's drawing (explorer.js, which runs before) that is wider than the page
// scrolls: let the keyboard reach it, and only then. (The theme does the same for code and tables.)
(function () {
  "use strict";

  const reach = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (target.scrollWidth > target.clientWidth + 1) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  });
  const wide = "div.math > mjx-container, .explorer-view";
  for (const node of document.querySelectorAll(wide)) reach.observe(node);
})();
