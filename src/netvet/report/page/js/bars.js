// Bars by category, or of a histogram.
"use strict";
(() => {
  const { h, svg, shown, axisTitle } = netvet;
  const HEIGHT = 260;
  const WIDEST = 110; // CSS pixels of a bar
  const HATCHES = ["", "M0 6L6 0", "M0 0L6 6", "M0 3H6"]; // series of one role: full, then hatched in three ways

  const FEW = 6; // bars of one series that say their number at their end rather than stand

  /** Bars that lie on their sides where they are few, or the names of categories would not fit beneath. */
  const lying = (figure, width) => !figure.edges.length && ((figure.series.length === 1 && figure.categories.length <= FEW) || tight(figure, width));
  const tight = ({ categories }, width) => categories.length > 1
    && Math.max(...categories.map((name) => netvet.textWidth(name))) + 8 > (width - 70) / categories.length;

  function extentOf(figure) {
    const values = figure.series.flatMap((series) => [...series.values, ...(series.low || []), ...(series.high || [])]);
    const log = figure.y.scale === "log";
    const found = netvet.extent(values, log);
    if (!found) return null;
    if (log) return { low: 10 ** (Math.floor(Math.log10(found[0])) - (Math.log10(found[0]) % 1 === 0 ? 1 : 0)), high: found[1], log };
    const known = values.filter((value) => value !== null);
    const [low, high] = [Math.min(0, ...known), Math.max(0, ...known)];
    const room = (high - low) * 0.04;
    return { low: low < 0 ? low - room : low, high: high === low ? low + 1 : high + room, log };
  }

  /** One bar: says its series, place and height when pointed at; the nth series of a role is hatched. */
  function bar(series, place, value, box, number, ids, span = null) {
    const shape = { x: box[0], y: box[1], width: Math.max(0.5, box[2]), height: Math.max(0.5, box[3]) };
    return svg("g", {}, svg("title", {}, `${series.name}, ${place}: ${shown(value)}${span ? span.words : ""}`), filled(series, number, ids, shape), span ? whisker(span) : null);
  }

  /** The interval of a bar, where it has one: its ends along the axis of values, and the middle of the bar. */
  function spanOf(series, at, scale, middle, upright) {
    const [low, high] = [series.low && series.low[at], series.high && series.high[at]];
    if (![low, high].every((end) => Number.isFinite(end) && (!scale.log || end > 0))) return null;
    return { from: scale.at(low), to: scale.at(high), middle, upright, words: ` (${shown(low)} to ${shown(high)})` };
  }

  function whisker({ from, to, middle, upright }) {
    const path = upright ? `M${middle} ${from}V${to}M${middle - 4} ${from}h8M${middle - 4} ${to}h8` : `M${from} ${middle}H${to}M${from} ${middle - 4}v8M${to} ${middle - 4}v8`;
    return [svg("path", { class: "whisker-edge", d: path }), svg("path", { class: "whisker", d: path })];
  }

  const filled = (series, number, ids, shape) => [svg("rect", { class: `bar role-${series.role}`, ...shape }),
    number % HATCHES.length ? svg("rect", { fill: `url(#${ids[number % HATCHES.length]})`, ...shape }) : null];

  const nthOfRole = (figure, series) => figure.series.filter((other) => other.role === series.role).indexOf(series);
  const interval = (figure, at) => `${shown(figure.edges[at])} to ${shown(figure.edges[at + 1])}`;

  function histogram(figure, box, y, ids) {
    const log = figure.x.scale === "log" && figure.edges[0] > 0;
    const x = netvet.scale(figure.edges[0], figure.edges[figure.edges.length - 1], box.left, box.left + box.width, log);
    const zero = y.at(y.log ? y.low : 0);
    const several = figure.series.length > 1;
    const bars = figure.series.flatMap((series) => series.values.map((value, at) => {
      if (value === null || (y.log && value <= 0)) return null;
      const [from, to, top] = [x.at(figure.edges[at]), x.at(figure.edges[at + 1]), y.at(value)];
      return bar(series, interval(figure, at), value, [from + 0.5, Math.min(top, zero), to - from - 1, Math.abs(zero - top)], nthOfRole(figure, series), ids);
    }));
    return [svg("g", { class: several ? "see-through" : "" }, bars), netvet.axisBelow(x, figure.x, box)];
  }

  /** Whether each category is of one series alone: its bar stands in the middle then. */
  const apart = (figure) => figure.categories.every((_, at) => figure.series.filter((series) => Number.isFinite(series.values[at])).length < 2);

  function standing(figure, box, y, ids) {
    const [slot, zero] = [box.width / figure.categories.length, y.at(y.log ? y.low : 0)];
    const alone = apart(figure);
    const beside = alone ? 1 : figure.series.length;
    const each = Math.min((slot * 0.8) / beside, WIDEST);
    const bars = figure.series.flatMap((series, number) => series.values.map((value, at) => {
      if (value === null || (y.log && value <= 0)) return null;
      const [top, left] = [y.at(value), box.left + slot * (at + 0.5) + each * ((alone ? 0 : number) - beside / 2)];
      return bar(series, figure.categories[at], value, [left, Math.min(top, zero), each - 1, Math.abs(zero - top)], nthOfRole(figure, series), ids,
        spanOf(series, at, y, left + (each - 1) / 2, true));
    }));
    const labels = figure.categories.map((text, at) => ({ at: box.left + slot * (at + 0.5), text }));
    return [svg("g", {}, bars), netvet.axisBelow(null, figure.x, box, labels)];
  }

  /** The legend, where there is more than one series. */
  const legend = (figure, ids) => (figure.series.length < 2 ? null : h("div", { class: "bars-legend" }, figure.series.map((series) =>
    h("span", {}, svg("svg", { width: 14, height: 12, "aria-hidden": "true" }, filled(series, nthOfRole(figure, series), ids, { width: 14, height: 12 })),
      ` ${series.name}`))));

  function upright(figure, width, range, ids) {
    const box = { left: 58, top: 8, width: width - 58 - 12, height: HEIGHT - 54 };
    const y = netvet.scale(range.low, range.high, box.top + box.height, box.top, range.log);
    const parts = figure.edges.length ? histogram(figure, box, y, ids) : standing(figure, box, y, ids);
    return svg("svg", { class: "chart", width, height: HEIGHT, "aria-hidden": "true" }, patterns(ids), netvet.axisLeft(y, figure.y, box), parts);
  }

  function sideways(figure, width, range, ids) {
    const alone = apart(figure);
    const beside = alone ? 1 : figure.series.length;
    const line = Math.max(20, 9 * beside + 6);
    const widest = Math.max(...figure.categories.map((name) => netvet.textWidth(name)));
    const left = Math.min(widest + 12, width * 0.42);
    const box = { left, top: 6, width: width - left - 62, height: line * figure.categories.length };
    const x = netvet.scale(range.low, range.high, box.left, box.left + box.width, range.log);
    const [zero, each] = [x.at(x.log ? x.low : 0), (line - 4) / beside];
    const drawn = figure.categories.map((name, at) => {
      const top = box.top + at * line;
      return svg("g", {}, svg("text", { class: "name", x: left - 6, y: top + line / 2 + 4, "text-anchor": "end" }, svg("title", {}, name),
        netvet.fitted(name, left - 10)),
        figure.series.map((series, number) => {
          const value = series.values[at];
          if (value === null || (x.log && value <= 0)) return null;
          const [end, y] = [x.at(value), top + 2 + (alone ? 0 : number) * each];
          const span = spanOf(series, at, x, y + (each - 1) / 2, false);
          return [bar(series, name, value, [Math.min(zero, end), y, Math.abs(end - zero), each - 1], nthOfRole(figure, series), ids, span),
            figure.series.length === 1 ? svg("text", { class: "number", x: Math.max(zero, end, span ? span.to : zero) + 5, y: top + line / 2 + 4 }, shown(value)) : null];
        }));
    });
    const swapped = { label: figure.y.label, unit: figure.y.unit };
    return svg("svg", { class: "chart", width, height: box.height + 50, "aria-hidden": "true" }, patterns(ids),
      svg("line", { class: "zero", x1: zero, x2: zero, y1: box.top, y2: box.top + box.height }), drawn, netvet.axisBelow(x, swapped, box));
  }

  /** Patterns that tell series of one role apart. */
  const patterns = (ids) => svg("defs", {}, HATCHES.map((path, number) => (path
    ? svg("pattern", { id: ids[number], width: 6, height: 6, patternUnits: "userSpaceOnUse" }, svg("path", { class: "hatching", d: path })) : null)));

  netvet.kinds.bars = {
    draw(container, figure) {
      return netvet.redrawn(container, figure, (next, width) => {
        const range = extentOf(next);
        if (!range) { netvet.said(container, "There is no number to draw yet."); return; }
        const ids = HATCHES.map(() => netvet.unique("hatch"));
        const chart = lying(next, width) ? sideways(next, width, range, ids) : upright(next, width, range, ids);
        container.replaceChildren(...[legend(next, ids), chart].filter(Boolean));
      });
    },
    summary(figure) {
      const place = (at) => (figure.edges.length ? interval(figure, at) : figure.categories[at]);
      return figure.series.map((series) => {
        const found = netvet.extent(series.values)
          ? series.values.reduce((best, value, at) => (value !== null && (best < 0 || value > series.values[best]) ? at : best), -1) : -1;
        return found < 0 ? `${series.name}: no number` : `${series.name}: highest ${shown(series.values[found])} at ${place(found)}`;
      }).join("; ");
    },
    table(figure) {
      const names = figure.series.flatMap((series) => [series.name, ...(series.low ? [`${series.name}, from`, "to"] : [])]);
      const cells = (at) => figure.series.flatMap((series) => [series.values[at] ?? null, ...(series.low ? [series.low[at] ?? null, series.high[at] ?? null] : [])]);
      if (figure.edges.length) return [[`${axisTitle(figure.x)}, from`, "to", ...names], ...figure.edges.slice(1).map((edge, at) => [figure.edges[at], edge, ...cells(at)])];
      return [[axisTitle(figure.x), ...names], ...figure.categories.map((name, at) => [name, ...cells(at)])];
    },
  };
})();
