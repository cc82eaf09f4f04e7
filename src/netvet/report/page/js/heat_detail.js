// Beneath a heat map: the series of one row and the histogram of its values.
"use strict";
(() => {
  const { h } = netvet;

  /** The row as a figure of curves. */
  function seriesOf(figure, row, values) {
    const curve = { name: figure.rows[row], x: figure.columns, y: values, role: "other", style: "line" };
    const y = { label: figure.scale.label, unit: figure.scale.unit, scale: figure.scale.scale };
    return { kind: "lines", id: `${figure.id}-row`, title: figure.rows[row], x: figure.x, y, curves: [curve], marks: [] };
  }

  function histogramOf(figure, codes) {
    const found = netvet.rowHistogram(codes, figure.scale);
    const x = { label: figure.scale.label, unit: figure.scale.unit, scale: figure.scale.scale };
    return {
      kind: "bars", id: `${figure.id}-histogram`, title: "", x, y: { label: "columns with this value", unit: "1", scale: "linear" },
      categories: [], edges: found ? found.edges : [], series: [{ name: "columns", values: found ? found.counts : [], role: "other" }],
    };
  }

  /** Where the distribution of this row is shown, if it was recorded. */
  function more(name, context) {
    const found = (context.figures ? context.figures() : []).filter((figure) => figure.kind === "choice" && figure.names.includes(name));
    const choose = (figure) => () => netvet.chooseName(figure.subject, name);
    const links = found.map((figure) => h("a", { href: `#${figure.panel}/${figure.id}`, onclick: choose(figure) }, figure.title));
    return h("p", { class: "more", hidden: !found.length }, links.flatMap((link, at) => [at ? " \u00b7 " : "", link]));
  }

  /** {element, show(figure, row)}: nothing is shown without a row; a row that is shown grows in place. */
  netvet.heatDetail = function (context, close) {
    const element = h("section", { class: "row-detail", hidden: true });
    let [drawn, shown] = [[], null];
    function clear() {
      drawn.forEach((drawing) => drawing.destroy());
      [drawn, shown] = [[], null];
      element.replaceChildren();
    }
    function frame(name) {
      clear();
      const places = [h("div", {}), h("div", {})];
      element.replaceChildren(h("header", {}, h("h4", {}, name), h("button", { type: "button", onclick: close }, "Close")),
        h("div", { class: "row-charts" }, places), more(name, context),
        h("p", { class: "dim" }, "Values are read from 254 colours, so they are near, not exact."));
      return places;
    }
    return {
      element,
      show(figure, row) {
        element.hidden = row === undefined || row >= figure.rows.length;
        if (element.hidden) { clear(); return; }
        const cells = netvet.cellsOf(figure);
        const codes = figure.columns.map((_, column) => cells[column * figure.rows.length + row]);
        const figures = [seriesOf(figure, row, codes.map((code) => (code === netvet.cellCodes.EMPTY ? undefined : netvet.cellValue(code, figure.scale)))),
          histogramOf(figure, codes)];
        const key = `${figure.id} ${row}`;
        if (key === shown) { drawn.forEach((drawing, at) => { drawing.update(figures[at]); drawing.resize(); }); return; }
        const [series, histogram] = frame(figure.rows[row]);
        drawn = [netvet.kinds.lines.draw(series, figures[0], context), netvet.kinds.bars.draw(histogram, figures[1], context)];
        shown = key;
      },
      restyle() { drawn.forEach((drawing) => drawing.restyle()); },
    };
  };
})();
