// Curves over one axis, by uPlot.
"use strict";
(() => {
  const { shown, colour, axisTitle } = netvet;
  const HEIGHT = 260;
  const SHADES = ["", "-2", "-3"]; // curves of one role: the second and third have shades of their own, others dashes

  /** Columns over the union of all x: of each curve its values, and its extremes where it has a band. */
  const joined = (curves) => uPlot.join(curves.map((curve) => (curve.low ? [curve.x, curve.y, curve.low, curve.high] : [curve.x, curve.y])));

  function seriesOf(curve, others) {
    const nth = others.filter((other) => other.role === curve.role).indexOf(curve);
    const stroke = () => colour(`role-${curve.role}${SHADES[nth % SHADES.length]}`) || colour(`role-${curve.role}`);
    const points = curve.style === "points" || curve.x.length < 30;
    const dash = curve.style === "dash" ? [6, 4] : nth >= SHADES.length ? [2, 3] : undefined;
    const line = { label: curve.name, stroke, dash, width: 1.5, spanGaps: true, points: { show: points, size: 5 }, value: (_, v) => shown(v) };
    const edge = (word) => ({ label: `${curve.name}, ${word}`, stroke: "transparent", points: { show: false }, spanGaps: true, value: (_, v) => shown(v) });
    return curve.low ? [line, edge("lowest"), edge("highest")] : [line];
  }

  /** Vertical lines at the steps of findings and of the figure itself. */
  function marking(marks) {
    return (plot) => {
      const { ctx, bbox } = plot;
      ctx.save();
      ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
      marks.forEach((mark, number) => {
        const x = plot.valToPos(mark.x, "x", true);
        if (x < bbox.left || x > bbox.left + bbox.width) return;
        ctx.strokeStyle = ctx.fillStyle = colour(mark.severity);
        ctx.setLineDash(mark.severity === "best" ? [] : [5, 4]);
        ctx.beginPath();
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.stroke();
        const left = x > bbox.left + bbox.width * 0.7;
        ctx.textAlign = left ? "right" : "left";
        ctx.fillText(mark.label, x + (left ? -4 : 4), bbox.top + (12 + 14 * (number % 4)) * devicePixelRatio);
      });
      ctx.restore();
    };
  }

  function options(figure, marks, width) {
    const axis = (own) => ({
      stroke: () => colour("text"), grid: { stroke: () => colour("grid"), width: 1 }, ticks: { stroke: () => colour("grid") },
      label: axisTitle(own), labelSize: 22, font: "12px system-ui, sans-serif", labelFont: "12px system-ui, sans-serif",
    });
    const series = [{ label: figure.x.label, value: (_, v) => shown(v) }];
    const bands = [];
    for (const curve of figure.curves) {
      series.push(...seriesOf(curve, figure.curves));
      if (curve.low) bands.push({ series: [series.length - 1, series.length - 2], fill: () => colour(`band-${curve.role}`) || colour("band") });
    }
    return {
      width, height: HEIGHT, series, bands, legend: { show: figure.curves.length <= 12, live: true },
      scales: { x: { time: false, distr: figure.x.scale === "log" ? 3 : 1 }, y: { distr: figure.y.scale === "log" ? 3 : 1 } },
      axes: [axis(figure.x), { ...axis(figure.y), size: 64, values: (_, ticks) => ticks.map((t) => (t === null ? "" : shown(t))) }],
      cursor: { sync: figure.x.unit === "steps" ? { key: "steps" } : undefined, drag: { x: true, y: false } },
      hooks: { draw: [marking(marks)] },
    };
  }

  netvet.kinds.lines = {
    /** Draw into a container; gives what can be done with the drawing. */
    draw(container, figure, context) {
      const marks = () => [...figure.marks, ...(figure.x.unit === "steps" ? context.marks : [])];
      let plot = null;
      function make() {
        if (plot) plot.destroy();
        plot = new uPlot(options(figure, marks(), container.clientWidth || 600), joined(figure.curves), container);
      }
      make();
      return {
        update(next) { const same = next.curves.length === figure.curves.length; figure = next; if (same) plot.setData(joined(figure.curves)); else make(); },
        resize() { if (plot.width !== container.clientWidth && container.clientWidth) plot.setSize({ width: container.clientWidth, height: HEIGHT }); },
        restyle: make,
        destroy() { plot.destroy(); },
      };
    },
    summary(figure) {
      return figure.curves.map((curve) => {
        const known = curve.y.filter((value) => value !== null);
        return known.length ? `${curve.name}: from ${shown(known[0])} to ${shown(known[known.length - 1])}` : `${curve.name}: no number`;
      }).join("; ");
    },
    /** Rows of the table that says the same: head first. */
    table(figure) {
      const data = uPlot.join(figure.curves.map((curve) => [curve.x, curve.y]));
      const stride = Math.ceil(data[0].length / 200);
      const kept = [...data[0].keys()].filter((row) => row % stride === 0 || row === data[0].length - 1);
      return [[axisTitle(figure.x), ...figure.curves.map((curve) => curve.name)], ...kept.map((row) => data.map((column) => column[row] ?? null))];
    },
  };
})();
