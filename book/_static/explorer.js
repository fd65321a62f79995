// Gives each precomputed explorer (replication/explore.py) its controls: a slider for numbers, radio
// buttons for named choices. Without this script the page shows the starting frame.
(function () {
  "use strict";

  function element(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  }

  function slider(control, id, move) {
    const input = element("input", {
      type: "range", id, min: 0, max: control.options.length - 1, step: 1, autocomplete: "off",
    });
    const output = element("output", { for: id, "aria-live": "off" });
    const show = () => {
      output.textContent = control.options[input.value];
      input.setAttribute("aria-valuetext", control.options[input.value]);
    };
    input.value = control.start;
    show();
    input.addEventListener("input", () => { show(); move(Number(input.value)); });
    return element("div", { class: "explorer-control" },
      element("label", { for: id }, control.label), input, output);
  }

  function choice(control, id, move) {
    const group = element("fieldset", { class: "explorer-control" },
      element("legend", {}, control.label));
    control.options.forEach((option, index) => {
      const input = element("input", { type: "radio", name: id, value: index, autocomplete: "off" });
      input.checked = index === control.start;
      input.addEventListener("change", () => move(index));
      group.append(element("label", {}, input, " " + option));
    });
    return group;
  }

  function enhance(explorer, number) {
    const { controls, frames } = JSON.parse(explorer.querySelector("script").textContent);
    const image = explorer.querySelector("img");
    const text = explorer.querySelector(".explorer-text");
    const chosen = controls.map((control) => control.start);
    const panel = element("div", { class: "explorer-controls" });
    controls.forEach((control, k) => {
      if (control.options.length === 1) return;  // nothing to choose on the page
      const make = control.kind === "slider" ? slider : choice;
      panel.append(make(control, `explorer-${number}-${k}`, (index) => {
        chosen[k] = index;
        const frame = frames[controls.reduce((n, c, m) => n * c.options.length + chosen[m], 0)];
        image.src = frame.src;
        image.alt = text.textContent = frame.text;
      }));
    });
    // On a narrow screen a drawing scrolls rather than let its letters shrink below 9 pixels.
    const view = element("div", { class: "explorer-view" });
    image.style.minWidth = `${0.625 * image.getAttribute("width")}px`;
    image.replaceWith(view);
    view.append(image);
    explorer.prepend(panel);
    // The frames are files: fetch them as soon as someone reaches for a control.
    const fetchFrames = () => frames.forEach((frame) => { new Image().src = frame.src; });
    for (const sign of ["pointerenter", "focusin", "touchstart"])
      explorer.addEventListener(sign, fetchFrames, { once: true, passive: true });
  }

  function start() {
    document.querySelectorAll(".explorer").forEach(enhance);
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
