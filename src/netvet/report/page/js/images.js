// Samples side by side: the picture or text of each, its label and what was predicted.
"use strict";
(() => {
  const { h } = netvet;
  const FIRST = 48; // samples that are shown before one asks for more
  const SMALLEST = 96; // CSS pixels of a picture's longer side at the least

  /** Paint the pixels: a byte each, grey or red, green, blue. */
  function paint(canvas, pixels) {
    const bytes = netvet.bytes(pixels.data);
    const context = canvas.getContext("2d");
    const image = context.createImageData(pixels.width, pixels.height);
    for (let at = 0; at < pixels.width * pixels.height; at++) {
      for (let channel = 0; channel < 3; channel++) image.data[4 * at + channel] = bytes[pixels.channels === 3 ? 3 * at + channel : at];
      image.data[4 * at + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }

  /** A canvas that is painted when it first comes near the window. */
  function picture(pixels, told, watcher) {
    const canvas = h("canvas", { width: pixels.width, height: pixels.height, role: "img", "aria-label": told });
    const factor = Math.max(1, SMALLEST / Math.max(pixels.width, pixels.height));
    canvas.style.width = `${Math.round(pixels.width * factor)}px`;
    canvas.paint = () => paint(canvas, pixels);
    watcher.observe(canvas);
    return canvas;
  }

  /** What was said of a sample: its label, and the prediction where there is one; `word`: what that is called. */
  function said(item, word) {
    if (!item.prediction) return item.label;
    const words = `${word} ${item.prediction}`;
    return item.label ? `label ${item.label} \u2192 ${words}` : words;
  }

  function card(item, word, watcher) {
    const words = `${item.label ? `label ${item.label}` : "no label"}${item.prediction ? `, ${word} ${item.prediction}` : ""}${item.wrong ? ", wrong" : ""}`;
    return h("li", { class: item.wrong ? "sample wrong" : "sample" },
      item.pixels ? picture(item.pixels, words, watcher) : null,
      item.text ? h("p", { class: "text" }, item.text) : null,
      h("p", { class: "said" }, item.wrong ? h("strong", {}, "wrong ") : null, said(item, word)),
      item.note ? h("p", { class: "note" }, item.note) : null);
  }

  const right = (figure) => figure.items.filter((item) => !item.wrong).length;
  const judged = (figure) => figure.items.some((item) => item.prediction);

  function controls(figure, state, again) {
    const wrong = figure.items.length - right(figure);
    const filter = wrong && wrong < figure.items.length
      ? h("label", {}, h("input", { type: "checkbox", checked: state.wrongOnly, onchange: (event) => { state.wrongOnly = event.target.checked; again(); } }),
        ` only wrong (${wrong} of ${figure.items.length})`) : null;
    return h("div", { class: "controls" }, filter);
  }

  netvet.kinds.images = {
    draw(container, figure) {
      const state = { wrongOnly: false, all: false };
      const watcher = new IntersectionObserver((entries) => entries.forEach((entry) => {
        if (entry.isIntersecting) { entry.target.paint(); watcher.unobserve(entry.target); }
      }), { rootMargin: "200px" });
      const make = () => netvet.remade(container, remake);
      function remake() {
        watcher.disconnect();
        if (!figure.items.length) { netvet.said(container, "There is no sample to show yet."); return; }
        const kept = figure.items.filter((item) => item.wrong || !state.wrongOnly);
        const shownItems = state.all ? kept : kept.slice(0, FIRST);
        const more = kept.length > shownItems.length
          ? h("button", { type: "button", onclick: () => { state.all = true; make(); } }, `Show all ${kept.length}`) : null;
        container.replaceChildren(controls(figure, state, make), h("ul", { class: "samples" }, shownItems.map((item) => card(item, figure.predicted || "predicted", watcher))),
          ...[more].filter(Boolean));
      }
      const printing = () => container.querySelectorAll("canvas").forEach((canvas) => canvas.paint());
      window.addEventListener("beforeprint", printing);
      make();
      return {
        update(next) { figure = next; make(); }, resize() {}, restyle() {},
        destroy() { watcher.disconnect(); window.removeEventListener("beforeprint", printing); container.replaceChildren(); },
      };
    },
    summary(figure) {
      const wrong = figure.items.length - right(figure);
      return `${figure.items.length} samples${judged(figure) ? `, ${wrong} predicted wrong` : ""}`;
    },
    table(figure) {
      return [["sample", "text", "label", figure.predicted || "prediction", "wrong", "note"],
        ...figure.items.map((item, number) => [number + 1, item.text, item.label, item.prediction, item.prediction ? (item.wrong ? "wrong" : "right") : "",
          item.note])];
    },
  };
})();
