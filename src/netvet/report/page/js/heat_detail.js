// Beneath a heat map: the series of one row and the histogram of its values.
"use strict";
(() => {
  const { h } = netvet;

  /** The row as a figure of curves. */
  function seriesOf(figure, row, values, codes) {
    const curve = { name: figure.rows[row], x: figure.columns, y: values, role: "other", style: "line" };
    curve.broken = figure.columns.filter((_, column) => codes[column] === netvet.cellCodes.NON_FINITE);
    const y = { label: figure.scale.label, unit: figure.scale.unit, scale: figure.scale.scale };
    return { kind: "lines", id: `${figure.id}-row`, title: figure.rows[row], x: figure.x, y, curves: [curve], marks: [] };
  }

  function histogramOf(figure, codes) {
    const found = netvet.rowHistogram(codes, figure.scale);
    if (!found) return null;
    const x = { label: figure.scale.label, unit: figure.scale.unit, scale: figure.scale.scale };
    return {
      kind: "bars", id: `${figure.id}-histogram`, title: "", x, y: { label: "columns with this value", unit: "1", scale: "linear" },
      categories: [], edges: found.edges, series: [{ name: "columns", values: found.counts, role: "other" }],
    };
  }

  /** {element, show(figure, row)}: nothing is shown without a row. */
  netvet.heatDetail = function (context, close) {
    const element = h("section", { class: "row-detail", hidden: true, "aria-live": "off" });
    let drawn = [];
    return {
      element,
      show(figure, row) {
        drawn.forEach((drawing) => drawing.destroy());
        drawn = [];
        element.hidden = row === undefined || row >= figure.rows.length;
        if (element.hidden) { element.replaceChildren(); return; }
        const cells = netvet.bytes(figure.cells);
        const codes = figure.columns.map((_, column) => cells[column * figure.rows.length + row]);
        const values = codes.map((code) => netvet.cellValue(code, figure.scale));
        const [series, histogram] = [h("div", {}), h("div", {})];
        element.replaceChildren(
          h("header", {}, h("h4", {}, figure.rows[row]), h("button", { type: "button", onclick: close }, "Close")),
          h("div", { class: "row-charts" }, series, histogram),
          h("p", { class: "dim" }, "Values are read from 254 colours, so they are near, not exact."));
        drawn.push(netvet.kinds.lines.draw(series, seriesOf(figure, row, values, codes), context));
        const bars = histogramOf(figure, codes);
        if (bars) drawn.push(netvet.kinds.bars.draw(histogram, bars, context));
        else netvet.said(histogram, "This row has no finite value.");
      },
    };
  };
})();
