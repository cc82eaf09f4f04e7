// Rows x columns of one number as colour; a cell shows the series of its row and the histogram of its values.
"use strict";
(() => {
  const { h, svg, shown, axisTitle, cellCodes } = netvet;
  const BUCKET = 2; // CSS pixels of a column at the least: a spike of one step must be seen by people, not by machines
  const RIM = 22; // pixels beside the legend's bar, for the words at its ends
  const MOST_LINES = 800; // lines of a picture; more rows share lines
  const [TALL, LOW] = [560, 220]; // pixels of all lines, in a panel and on the home
  const chosen = new Map(); // by family: the cell whose row is shown, kept when the quantity is switched

  /** What the cells of a figure are, and where: all that does not depend on the theme. */
  function layout(figure, width, marks, tall) {
    const rows = figure.rows.length;
    const group = Math.ceil(rows / Math.min(MOST_LINES, tall / 2));
    const ratio = window.devicePixelRatio || 1;
    const room = Math.min(width * 0.3, 260) - 12;
    const labels = longestOf(figure.rows) > room ? shortened(figure.rows) : figure.rows;
    const left = Math.round(Math.min(longestOf(labels), room) + 12);
    const bucket = Math.max(1, Math.round(BUCKET * ratio));
    const buckets = Math.max(1, Math.floor(((width - left - 14) * ratio) / bucket));
    const lines = Math.ceil(rows / group);
    const line = Math.max(1, Math.round(Math.min(22, Math.max(2, tall / lines)) * ratio));
    const size = [buckets * bucket, lines * line];
    const box = { left, top: marks.length ? 24 : 4, width: size[0] / ratio, height: size[1] / ratio };
    const log = figure.x.scale === "log" && figure.columns[0] > 0;
    const edges = edgesOf(figure.columns, log);
    const scale = netvet.scale(edges[0], edges[edges.length - 1], box.left, box.left + box.width, log);
    const starts = edges.map((edge) => ((scale.at(edge) - box.left) / box.width) * buckets);
    const pool = netvet.pooled(netvet.cellsOf(figure), rows, starts, buckets, group);
    return { figure, labels, group, ratio, bucket, line, size, box, scale, pool, cell: [box.width / buckets, box.height / lines] };
  }

  const longestOf = (names) => names.reduce((most, name) => Math.max(most, name.length < 60 ? netvet.textWidth(name, 11) : 300), 0);

  /** Names without the modules that all of them are in, so that what differs is read. */
  function shortened(names) {
    if (names.length < 2) return names;
    let size = 0;
    while (names[0][size] !== undefined && names.every((name) => name[size] === names[0][size])) size++;
    const common = names[0].slice(0, size).lastIndexOf(".") + 1;
    return common < 6 ? names : names.map((name) => `\u2026${name.slice(common)}`);
  }

  /** Where columns begin, and where the last ends: as far as columns usually are apart. */
  function edgesOf(columns, log) {
    const gaps = columns.slice(1).map((value, number) => (log ? value / columns[number] : value - columns[number])).sort((a, b) => a - b);
    const [last, gap] = [columns[columns.length - 1], gaps.length ? gaps[(gaps.length - 1) >> 1] : null];
    return [...columns, log ? last * (gap || 2) : last + (gap || 1)];
  }

  /** Colour the cells. */
  function paint(canvas, plan) {
    const { codes, buckets, lines } = plan.pool;
    [canvas.width, canvas.height] = plan.size;
    const [small, context] = [document.createElement("canvas"), canvas.getContext("2d")];
    [small.width, small.height] = [buckets, lines];
    const ink = small.getContext("2d");
    const image = ink.createImageData(buckets, lines);
    const colours = Array.from({ length: 256 }, (_, code) => netvet.viridis((code - cellCodes.FIRST) / (cellCodes.LAST - cellCodes.FIRST)));
    codes.forEach((code, at) => { if (code >= cellCodes.FIRST) image.data.set([...colours[code], 255], 4 * at); });
    ink.putImageData(image, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(small, 0, 0, ...plan.size);
    context.fillStyle = netvet.hatch(context);
    codes.forEach((code, at) => {
      if (code === cellCodes.NON_FINITE) context.fillRect((at % buckets) * plan.bucket, Math.floor(at / buckets) * plan.line, plan.bucket, plan.line);
    });
  }

  /** Names of rows, as many as can be read, and a tick each. */
  function names(plan) {
    const { box, group, cell } = plan;
    const stride = Math.max(1, Math.ceil(13 / cell[1]));
    const at = [...Array(plan.pool.lines).keys()].filter((line) => line % stride === 0);
    return svg("g", { class: "axis names" }, at.map((line) =>
      svg("text", { x: box.left - 6, y: box.top + (line + 0.5) * cell[1] + 4, "text-anchor": "end" },
        netvet.fitted(plan.labels[line * group], box.left - 10, 11))));
  }

  /** Arrows over the steps of findings, and words where they do not touch; no line, which could hide a cell. */
  function markArrows(plan, marks) {
    let free = 0;
    const inside = marks.filter((mark) => mark.x >= plan.scale.low && mark.x <= plan.scale.high).sort((a, b) => a.x - b.x);
    return inside.map((mark) => {
      const x = plan.scale.at(mark.x);
      const width = netvet.textWidth(mark.label, 11);
      const start = Math.max(0, Math.min(x - 5, plan.box.left + plan.box.width - width));
      const told = start >= free;
      if (told) free = start + width + 8;
      return svg("g", { class: `mark ${mark.severity}` }, svg("title", {}, mark.label),
        svg("path", { d: `M${x - 5} ${plan.box.top - 8}h10l-5 7z` }), told ? svg("text", { x: start, y: plan.box.top - 11 }, mark.label) : null);
    });
  }

  /** The class of what a legend explains and the figure has not: where there is no room it is left out. */
  const unseen = (figure, code) => (netvet.cellsOf(figure).includes(code) ? "" : "unseen");

  /** What a colour means: a bar with ticks, and the two colours that are no number. */
  function legend(figure) {
    const [width, scale] = [240, figure.scale];
    const bar = h("canvas", { width: 254, height: 1, class: "ramp" });
    const ink = bar.getContext("2d");
    for (let level = 0; level < 254; level++) { ink.fillStyle = netvet.rgb(netvet.viridis(level / 253)); ink.fillRect(level, 0, 1, 1); }
    const along = netvet.scale(scale.low, scale.high, RIM, width - RIM, scale.scale === "log");
    const ends = [scale.low, scale.high].map((value) => ({ at: along.at(value), text: netvet.tick(value) }));
    const inner = along.ticks(4).map((value) => ({ at: along.at(value), text: netvet.tick(value) })).filter(({ at }) => at >= RIM && at <= width - RIM);
    const texts = inner.length > 1 ? inner : ends;
    const hatched = h("canvas", { width: 14, height: 12, class: "swatch" });
    const stripes = hatched.getContext("2d");
    stripes.fillStyle = netvet.hatch(stripes);
    stripes.fillRect(0, 0, 14, 12);
    return h("div", { class: "heat-legend" }, h("span", { class: "quantity" }, axisTitle(scale) + (scale.scale === "log" ? ", log colours" : "")),
      h("span", { class: "ramp-box" }, bar, svg("svg", { class: "axis", width, height: 20, "aria-hidden": "true" },
        texts.map(({ at }) => svg("line", { x1: at, x2: at, y1: 0, y2: 4 })),
        spaced(texts).map(({ at, text }) => svg("text", { x: at, y: 16, "text-anchor": "middle" }, text)))),
      h("span", { class: unseen(figure, cellCodes.NON_FINITE) }, hatched, " not finite (NaN or infinite)"),
      h("span", { class: unseen(figure, cellCodes.EMPTY) }, h("i", { class: "swatch blank" }), " nothing recorded"));
  }

  /** Those of the texts that do not touch. */
  function spaced(texts) {
    let free = -Infinity;
    return texts.filter(({ at, text }) => {
      const half = netvet.textWidth(text) / 2;
      if (at - half < free) return false;
      free = at + half + 6;
      return true;
    });
  }

  /** A cell in words. */
  function told(figure, row, column) {
    if (column < 0) return `${figure.rows[row]}: nothing recorded`;
    const code = netvet.cellsOf(figure)[column * figure.rows.length + row];
    const place = `${figure.x.label} ${shown(figure.columns[column])}`;
    return `${figure.rows[row]}, ${place}: ${figure.scale.label} ${valueOf(code, figure.scale)}`;
  }

  function valueOf(code, scale) {
    if (code === cellCodes.EMPTY) return "not recorded";
    if (code === cellCodes.NON_FINITE) return "is not finite";
    const sign = code === cellCodes.FIRST ? "\u2264 " : code === cellCodes.LAST ? "\u2265 " : "\u2248 ";
    return `${sign}${shown(Number(netvet.cellValue(code, scale).toPrecision(3)))}${scale.unit === "1" ? "" : ` ${scale.unit}`}`;
  }

  /** Row and column of the cell that a bucket of a line shows. */
  function sourceAt(plan, line, bucket) {
    const source = plan.pool.sources[line * plan.pool.buckets + bucket];
    const rows = plan.figure.rows.length;
    return source < 0 ? { row: line * plan.group, column: -1 } : { row: source % rows, column: Math.floor(source / rows) };
  }

  /** The cursor: follows the pointer and the arrow keys, and says what is there. */
  function cursor(plot, overlay, readout, state) {
    const frame = svg("g", { class: "cursor" });
    overlay.append(frame);
    function move(line, bucket) {
      const plan = state.plan;
      [state.line, state.bucket] = [Math.min(plan.pool.lines - 1, Math.max(0, line)), Math.min(plan.pool.buckets - 1, Math.max(0, bucket))];
      const cell = sourceAt(plan, state.line, state.bucket);
      const [x, y] = [plan.box.left + state.bucket * plan.cell[0], plan.box.top + state.line * plan.cell[1]];
      const name = netvet.fitted(plan.labels[cell.row], plan.box.left - 10, 11);
      frame.replaceChildren(
        svg("rect", { class: "cursor-row", x: plan.box.left, y: y - 0.5, width: plan.box.width, height: plan.cell[1] + 1 }),
        svg("rect", { class: "cursor-cell", x: x - 2, y: y - 2, width: plan.cell[0] + 4, height: plan.cell[1] + 4 }),
        svg("rect", { class: "cursor-name", x: 0, y: y + plan.cell[1] / 2 - 8, width: plan.box.left - 3, height: 16 }),
        svg("text", { class: "cursor-name", x: plan.box.left - 6, y: y + plan.cell[1] / 2 + 4, "text-anchor": "end" }, name));
      readout.textContent = told(plan.figure, cell.row, cell.column);
      return cell;
    }
    const at = (event) => {
      const place = plot.getBoundingClientRect();
      return [Math.floor((event.clientY - place.top - state.plan.box.top) / state.plan.cell[1]),
        Math.floor((event.clientX - place.left - state.plan.box.left) / state.plan.cell[0])];
    };
    const gone = () => { if (document.activeElement !== plot) { frame.replaceChildren(); state.told = false; } };
    plot.addEventListener("pointermove", (event) => { state.told = true; move(...at(event)); });
    plot.addEventListener("pointerleave", gone);
    plot.addEventListener("blur", gone);
    plot.addEventListener("click", (event) => state.choose(move(...at(event))));
    plot.addEventListener("focus", () => { if (plot.matches(":focus-visible")) { state.told = true; move(state.line, state.bucket); } });
    plot.addEventListener("keydown", (event) => keyed(event, state, move));
    if (state.told) move(state.line, state.bucket); // drawn anew while someone looks at a cell
  }

  function keyed(event, state, move) {
    const far = event.shiftKey ? 10 : 1;
    const { lines, buckets } = state.plan.pool;
    const steps = {
      ArrowUp: [-far, 0], ArrowDown: [far, 0], ArrowLeft: [0, -far], ArrowRight: [0, far],
      PageUp: [-10, 0], PageDown: [10, 0], Home: [0, -buckets], End: [0, buckets],
    };
    if (event.key in steps && !(event.ctrlKey || event.metaKey || event.altKey)) move(Math.min(lines, state.line + steps[event.key][0]),
      state.bucket + steps[event.key][1]);
    else if (event.key === "Enter" || event.key === " ") state.choose(move(state.line, state.bucket));
    else if (event.key === "Escape") state.choose(null);
    else return;
    event.preventDefault();
  }

  netvet.kinds.heat = {
    draw(container, figure, context) {
      const state = { plan: null, line: 0, bucket: 0, told: false, choose(cell) {
        if (context.small) return; // on the home there is no room
        if (cell) chosen.set(figure.family, cell.row); else chosen.delete(figure.family);
        detail.show(figure, chosen.get(figure.family));
      } };
      const detail = netvet.heatDetail(context, () => state.choose(null));
      const readout = h("output", { class: "readout", "aria-live": "polite" });
      const hint = "Point at a cell, or use the arrow keys; Enter or a click shows its row.";
      const place = h("div", { class: "heat-place" });
      container.replaceChildren(place, readout, detail.element);
      function make(next, width) {
        figure = next;
        if (!next.rows.length || !next.columns.length) { netvet.said(place, "No column has been recorded yet."); readout.textContent = ""; return; }
        const marks = next.x.unit === "steps" ? context.marks || [] : [];
        const plan = state.plan = layout(next, width, marks, context.small ? LOW : TALL);
        const canvas = h("canvas", { class: "cells" });
        const overlay = svg("svg", { class: "overlay", width, height: plan.box.top + plan.box.height + 44, "aria-hidden": "true" },
          names(plan), netvet.axisBelow(plan.scale, next.x, plan.box), markArrows(plan, marks));
        const plot = h("div", { class: "heat-plot", tabindex: "0", role: "application", "aria-label": `Heat map of ${next.scale.label}. ${hint}` }, canvas,
          overlay);
        Object.assign(canvas.style, { left: `${plan.box.left}px`, top: `${plan.box.top}px`, width: `${plan.box.width}px`, height: `${plan.box.height}px` });
        paint(canvas, plan);
        place.replaceChildren(legend(next), plot);
        if (!state.told) readout.textContent = context.small ? "" : hint;
        cursor(plot, overlay, readout, state);
        if (!context.small) detail.show(next, chosen.get(next.family));
      }
      const drawing = netvet.redrawn(container, figure, make);
      return { ...drawing, restyle() { drawing.restyle(); detail.restyle(); } };
    },
    summary(figure) {
      const cells = netvet.cellsOf(figure);
      const broken = cells.reduce((sum, code) => sum + (code === cellCodes.NON_FINITE), 0);
      const size = `${figure.rows.length} rows x ${figure.columns.length} columns of ${figure.scale.label}`;
      return `${size}, from ${shown(figure.scale.low)} to ${shown(figure.scale.high)}` + (broken ? `; ${shown(broken)} cells are not finite` : "");
    },
    /** A line for each row: its extremes and where they are. */
    table(figure) {
      const [rows, cells] = [figure.rows.length, netvet.cellsOf(figure)];
      const medians = netvet.rowMedians(cells, rows);
      const head = ["row", "lowest", `at (${figure.x.label})`, "median", "highest", `at (${figure.x.label})`, "last", "not finite"];
      return [head, ...figure.rows.map((name, row) => {
        const codes = figure.columns.map((_, column) => cells[column * rows + row]);
        const known = codes.filter((code) => code >= cellCodes.FIRST);
        const broken = codes.filter((code) => code === cellCodes.NON_FINITE).length;
        if (!known.length) return [name, null, null, null, null, null, null, broken];
        const [low, high] = known.reduce(([least, most], code) => [Math.min(least, code), Math.max(most, code)], [cellCodes.LAST, cellCodes.FIRST]);
        const say = (code) => valueOf(code, figure.scale).replace("\u2248 ", "");
        return [name, say(low), figure.columns[codes.indexOf(low)], say(medians[row]), say(high), figure.columns[codes.indexOf(high)],
          say(known[known.length - 1]), broken];
      })];
    },
  };
})();
