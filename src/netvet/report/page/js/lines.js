// Curves over one axis, by uPlot: drag to look closer, double click for all of it.
"use strict";
(() => {
  const { h, shown, colour, axisTitle } = netvet;
  const HEIGHT = 260;
  const FEW = 30; // points below which each is drawn, and none are smoothed
  const WHOLE = Array.from({ length: 12 }, (_, power) => [1, 2, 5].map((factor) => factor * 10 ** power)).flat(); // ticks of counts
  const SPAN = 40; // smoothing is over a 40th of the curve

  const TINY = 1e-14; // uPlot knows no logarithmic ticks of its own below 1e-16, and fails
  const TICKS = 6;
  const isTiny = (curve) => [curve.y, curve.low || []].some((values) => values.some((value) => value > 0 && value < TINY));

  const spanOf = (curve) => Math.max(4, Math.round(curve.x.length / SPAN));
  const smooths = (curve) => curve.x.length >= FEW && curve.style === "line";
  const positive = (value) => (value === null || value === undefined || value > 0 ? value : null);

  const positives = (figure) => figure.curves.some((curve) => curve.y.some((value) => value > 0));

  /** What is drawn of each curve, as columns over the union of all x: its values, extremes, and mean. */
  function joined(figure, state) {
    const cut = state.log ? (values) => values.map(positive) : (values) => values;
    return uPlot.join(figure.curves.map((curve) => {
      const columns = [curve.x, cut(curve.y)];
      if (curve.low) columns.push(cut(curve.low), cut(curve.high));
      if (state.smooth && smooths(curve)) columns.push(cut(netvet.smoothed(curve.y, spanOf(curve))));
      return figure.x.scale === "log" ? kept(columns) : columns;
    }));
  }

  /** Without what has no place on a logarithmic axis. */
  function kept(columns) {
    const places = [...columns[0].keys()].filter((at) => columns[0][at] > 0);
    return columns.map((column) => places.map((at) => column[at]));
  }

  /** The series of one curve, in the order of its columns; a smoothed one stands before its pale raw values. */
  function seriesOf(curve, ink, state) {
    const pale = state.smooth && smooths(curve);
    const bare = { spanGaps: false, points: { show: false } };
    const found = [{ ...bare, label: curve.name, stroke: ink.stroke, dash: ink.dash, width: pale ? 1 : 1.75, alpha: pale ? 0.35 : 1,
      points: { show: curve.style === "points" || curve.x.length < FEW, size: 5 }, paths: curve.style === "points" ? () => null : undefined }];
    // The ends of a band are lines too: a spike of one step has no area.
    if (curve.low) found.push(...["lowest", "highest"].map((label) => ({ ...bare, label, stroke: ink.stroke, width: 1, alpha: 0.45 })));
    if (pale) found.push({ ...bare, label: "mean", stroke: ink.stroke, dash: ink.dash, width: 2 });
    return found;
  }

  /** All series, which curve each is of, and the bands between extremes. */
  function arranged(figure, inks, state) {
    const [series, owner, bands] = [[{ label: figure.x.label }], [-1], []];
    figure.curves.forEach((curve, number) => {
      const first = series.length;
      const own = seriesOf(curve, inks[number], state);
      series.push(...own.map((one) => ({ ...one, show: !state.hidden.has(curve.name) })));
      owner.push(...own.map(() => number));
      if (curve.low) bands.push({ series: [first + 2, first + 1], fill: () => netvet.faint(inks[number].stroke) });
    });
    return { series, owner, bands };
  }

  function axes(figure, log) {
    const axis = (own) => ({
      stroke: () => colour("text"), grid: { stroke: () => colour("grid"), width: 1 }, ticks: { stroke: () => colour("grid") },
      label: axisTitle(own), labelSize: 22, font: "12px system-ui, sans-serif", labelFont: "12px system-ui, sans-serif",
      values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : netvet.tick(tick))),
    });
    const widest = (_, texts) => 20 + Math.max(24, ...(texts || []).map((text) => netvet.textWidth(text)));
    const decades = (_, ticks) => {
      const found = ticks.map((tick) => (Math.abs(Math.log10(tick) - Math.round(Math.log10(tick))) < 1e-6 ? tick : null));
      return found.filter((tick) => tick !== null).length > 1 ? found : ticks;
    };
    const y = axis(figure.y);
    const powers = { splits: (_, __, low, high) => netvet.ticks(low, high, TICKS, true), filter: (_, ticks) => ticks };
    const own = log && figure.curves.some(isTiny) ? powers : {};
    const whole = figure.curves.every((curve) => curve.x.every(Number.isInteger));
    return [{ ...axis(figure.x), space: 74, size: 30, labelSize: 20, ...(whole ? { incrs: WHOLE } : {}) },
      { ...y, size: widest, ...own, grid: log ? { ...y.grid, filter: decades } : y.grid, ticks: log ? { ...y.ticks, filter: decades } : y.ticks }];
  }

  const SIDES = 74; // CSS pixels left and right of most plots

  /** Rows that the words of marks will take, with all of the curves in view. */
  function rowsOf(figure, marks, width) {
    const log = figure.x.scale === "log";
    const found = netvet.extent(figure.curves.flatMap((curve) => [curve.x[0], curve.x[curve.x.length - 1]]), log);
    return found ? netvet.rowsOf(marks, netvet.scale(...found, 0, width - SIDES, log), width - SIDES) : 0;
  }

  function options(figure, parts, state, width, hooks) {
    const above = state.rows * netvet.MARK_ROW;
    return {
      width, height: HEIGHT + above, series: parts.series, bands: parts.bands, legend: { show: false }, axes: axes(figure, state.log),
      padding: [8 + above, 14, 0, 0],
      scales: { x: { time: false, distr: figure.x.scale === "log" ? 3 : 1 }, y: { distr: state.log ? 3 : 1 } },
      cursor: { sync: figure.x.unit === "steps" ? { key: "steps" } : undefined, drag: { x: true, y: false, dist: 4 }, points: { size: 6 } },
      hooks,
    };
  }

  /** Buttons over the plot; each is a state that can be read. */
  function controls(figure, state, again) {
    const button = (key, text, why) => h("button",
      { type: "button", "aria-pressed": String(state[key]), title: why, onclick: () => { state[key] = !state[key]; again(); } }, text);
    const points = figure.curves.find(smooths);
    return h("div", { class: "controls" },
      points ? button("smooth", "Smooth", `Mean of ${spanOf(points)} values around each; the raw values stay, pale`) : null,
      positives(figure) ? button("log", "Log y", "Logarithmic vertical axis") : null);
  }

  /** In words: what the marks at the top edge are, and what a logarithm cannot show. */
  function notes(figure, state) {
    const broken = figure.curves.reduce((sum, curve) => sum + netvet.brokenSteps(curve).length, 0);
    const sunken = state.log ? figure.curves.reduce((sum, curve) => sum + netvet.sunkenSteps(curve).length, 0) : 0;
    const places = (count) => `(${shown(count)} ${count === 1 ? "place" : "places"})`;
    return [broken ? `\u25bc at the top edge: no finite number ${places(broken)}.` : "",
      sunken ? `\u25b2 at the bottom edge: at or below 0, which has no logarithm ${places(sunken)}.` : ""].filter(Boolean).join(" ");
  }

  /** The value of a curve at x, or its last before: an evaluation holds until the next. */
  function valueAt(curve, x) {
    let [low, high] = [0, curve.x.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (curve.x[middle] <= x) low = middle + 1; else high = middle;
    }
    return low === 0 ? undefined : curve.y[low - 1] === null ? "not finite" : curve.y[low - 1];
  }

  /** One drawing: keeps what the reader chose while it is made anew. */
  class Chart {
    constructor(container, figure, context) {
      const state = { smooth: false, log: figure.y.scale === "log" && positives(figure), hidden: new Set(), zoom: null };
      Object.assign(this, { container, figure, context, state, plot: null });
      this.make();
    }

    get marks() { return [...this.figure.marks, ...(this.figure.x.unit === "steps" ? this.context.marks || [] : [])]; }

    make() { netvet.remade(this.container, () => this.remake()); }

    remake() {
      const { figure, state, container } = this;
      if (this.plot) this.plot.destroy();
      this.plot = null;
      state.rows = rowsOf(figure, this.marks, container.clientWidth || 600);
      if (!figure.curves.some((curve) => curve.x.length)) { netvet.said(container, "Nothing has been recorded yet."); return; }
      this.inks = netvet.inks(figure.curves);
      this.parts = arranged(figure, this.inks, state);
      this.legend = netvet.curvesLegend(figure.curves, this.inks, (number) => state.hidden.has(figure.curves[number].name),
        (numbers, on) => this.toggle(numbers, on));
      this.reset = h("button", { type: "button", hidden: !state.zoom, onclick: () => this.whole() }, "Show all steps");
      this.place = h("output", { class: "place" });
      this.note = h("p", { class: "dim plot-note" });
      const bar = controls(figure, state, () => this.make());
      const words = `Curves of ${figure.y.label}; arrow keys move the cursor`;
      const box = h("div", { class: "plot", tabindex: "0", role: "application", "aria-label": words, onkeydown: (event) => this.keyed(event) });
      bar.append(this.reset, this.place);
      container.replaceChildren(bar, box, this.note, this.legend.element);
      this.plot = new uPlot(options(figure, this.parts, state, container.clientWidth || 600, this.hooks()), joined(figure, state), box);
      if (state.zoom) this.plot.setScale("x", state.zoom);
      this.note.textContent = notes(figure, state);
      this.tell(null);
    }

    hooks() {
      const hidden = (curve) => this.state.hidden.has(curve.name);
      const at = (steps) => this.figure.curves.map((curve, number) => ({ steps: hidden(curve) ? [] : steps(curve), stroke: this.inks[number].stroke }));
      const edges = (plot) => {
        netvet.drawEdge(plot, at(netvet.brokenSteps), true);
        if (this.state.log) netvet.drawEdge(plot, at(netvet.sunkenSteps), false);
      };
      return {
        draw: [(plot) => netvet.drawMarks(plot, this.marks, this.state.rows), edges],
        setCursor: [(plot) => this.tell(plot.cursor.idx)],
        setSelect: [(plot) => this.zoomed(plot)],
        ready: [(plot) => plot.over.addEventListener("dblclick", () => { this.state.zoom = null; this.reset.hidden = true; })],
      };
    }

    zoomed(plot) {
      const { left, width } = plot.select;
      if (!width) return;
      this.state.zoom = { min: plot.posToVal(left, "x"), max: plot.posToVal(left + width, "x") };
      this.reset.hidden = false;
    }

    /** Values at the cursor; without one, the last of each curve. */
    tell(at) {
      if (!this.plot) return;
      const known = at !== null && at !== undefined;
      const x = known ? this.plot.data[0][at] : Infinity;
      this.place.textContent = known ? `${this.figure.x.label} ${shown(x)}` : this.resting();
      this.legend.tell(this.figure.curves.map((curve) => valueAt(curve, x)));
    }

    /** What the numbers of the legend are while nobody points: of a curve with a band, the last column's mean. */
    resting() {
      if (this.figure.x.unit !== "steps") return "";
      return this.figure.curves.some((curve) => curve.low) ? "means of the last column" : "last values";
    }

    keyed(event) {
      const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20, Home: -Infinity, End: Infinity }[event.key];
      if (step === undefined || !this.plot) return;
      event.preventDefault();
      const size = this.plot.data[0].length;
      this.cursorAt = Math.min(size - 1, Math.max(0, (this.plot.cursor.idx ?? (step > 0 ? -1 : size)) + step));
      this.plot.setCursor({ left: this.plot.valToPos(this.plot.data[0][this.cursorAt], "x"), top: 10 });
    }

    toggle(numbers, on) {
      const { plot, parts, state, figure } = this;
      numbers.forEach((number) => state.hidden[on ? "delete" : "add"](figure.curves[number].name));
      plot.batch(() => parts.owner.forEach((own, at) => { if (numbers.includes(own)) plot.setSeries(at, { show: on }); }));
    }

    whole() {
      const x = this.plot.data[0];
      this.state.zoom = null;
      this.reset.hidden = true;
      this.plot.setScale("x", { min: x[0], max: x[x.length - 1] });
    }

    update(next) {
      const key = (figure) => JSON.stringify(figure.curves.map((curve) => [curve.name, Boolean(curve.low), smooths(curve), curve.x.length < FEW]));
      const width = this.container.clientWidth || 600;
      const same = this.plot && key(next) === key(this.figure) && rowsOf(next, this.marks, width) <= this.state.rows;
      this.figure = next;
      if (!same) { this.make(); return; }
      this.plot.setData(joined(next, this.state), !this.state.zoom);
      if (this.state.zoom) this.plot.redraw();
      this.note.textContent = notes(next, this.state);
      this.tell(this.plot.cursor.idx);
    }

    resize() {
      const width = this.container.clientWidth;
      if (!this.plot || !width || this.plot.width === width) return;
      if (rowsOf(this.figure, this.marks, width) === this.state.rows) this.plot.setSize({ width, height: HEIGHT + this.state.rows * netvet.MARK_ROW });
      else this.make();
    }

    restyle() { this.make(); }

    destroy() { if (this.plot) this.plot.destroy(); this.plot = null; this.container.replaceChildren(); }
  }

  netvet.kinds.lines = {
    /** Draw into a container; gives what can be done with the drawing. */
    draw: (container, figure, context) => new Chart(container, figure, context),
    summary(figure) {
      if (!figure.curves.length) return "no curve yet";
      return figure.curves.slice(0, 12).map((curve) => {
        const known = curve.y.filter((value) => value !== null);
        const broken = netvet.brokenSteps(curve).length;
        const lost = broken ? `, ${shown(broken)} times no finite number` : "";
        return known.length ? `${curve.name}: from ${shown(known[0])} to ${shown(known[known.length - 1])}${lost}` : `${curve.name}: no number`;
      }).join("; ") + (figure.curves.length > 12 ? `; and ${figure.curves.length - 12} more` : "");
    },
    /** Rows of the table that says the same: head first. */
    table(figure) {
      if (!figure.curves.length) return [[axisTitle(figure.x)]];
      const data = uPlot.join(figure.curves.map((curve) => [curve.x, curve.y]));
      const stride = Math.ceil(data[0].length / 200);
      const rows = [...data[0].keys()].filter((row) => row % stride === 0 || row === data[0].length - 1);
      return [[axisTitle(figure.x), ...figure.curves.map((curve) => curve.name)], ...rows.map((row) => data.map((column) => column[row] ?? null))];
    },
  };
})();
