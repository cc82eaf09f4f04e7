// The frame of every figure: title, what it shows, the drawing, and the same as a table.
"use strict";
(() => {
  const { h, shown } = netvet;

  function tableOf(rows) {
    const [head, ...body] = rows;
    return h("table", {}, h("thead", {}, h("tr", {}, head.map((cell) => h("th", { scope: "col" }, shown(cell))))),
      h("tbody", {}, body.map((row) => h("tr", {}, row.map((cell) => h("td", {}, shown(cell)))))));
  }

  /** A figure in its frame: {element, update, resize, restyle, destroy}. Drawn when it first comes into view. */
  netvet.framed = function (figure, context) {
    const kind = netvet.kinds[figure.kind];
    const canvas = h("div", { class: "drawing", role: "img", "aria-label": figure.title });
    const details = h("details", { class: "as-table" }, h("summary", {}, "As a table"));
    const element = h("figure", { id: `figure-${figure.id}`, class: `figure ${figure.kind}`, tabindex: "-1" },
      h("figcaption", {}, h("h3", {}, h("a", { href: context.link(figure), class: "anchor" }, figure.title)), h("p", {}, figure.about)), canvas, details);
    let drawing = null;
    const describe = () => canvas.setAttribute("aria-label", `${figure.title}. ${kind.summary(figure)}`);
    const frame = {
      element, id: figure.id,
      show() { if (!drawing) { drawing = kind.draw(canvas, figure, context); describe(); } },
      update(next) { if (next === figure) return; figure = next; if (drawing) { drawing.update(next); describe(); } if (details.open) fill(); },
      resize() { if (drawing) drawing.resize(); },
      restyle() { if (drawing) drawing.restyle(); },
      destroy() { if (drawing) drawing.destroy(); drawing = null; },
    };
    function fill() { details.replaceChildren(details.firstChild, h("div", { class: "scrolling", tabindex: "0" }, tableOf(kind.table(figure)))); }
    details.addEventListener("toggle", () => { if (details.open) fill(); });
    return frame;
  };
})();
