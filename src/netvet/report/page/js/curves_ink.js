// What is drawn on curves besides the curves: their colours, marks of findings, and what is no number.
"use strict";
(() => {
  const { colour } = netvet;
  const DASHES = [undefined, [7, 4], [2, 3], [9, 3, 2, 3]];
  const MANY = 12; // curves of one role from which colour tells their order, as depth in a net
  const ROWS = 5; // lines of words of marks
  const EDGE = 12; // CSS pixels right of a plot that are free
  netvet.MARK_ROW = 14; // CSS pixels of a line of words of marks

  /** Shades that the style sheet has for a role: `role-x`, `role-x-2`, ... */
  function shades(role) {
    const found = [`role-${role}`];
    while (found.length < 8 && colour(`role-${role}-${found.length + 1}`)) found.push(`role-${role}-${found.length + 1}`);
    return found;
  }

  /** Colour and dash of each curve, by role and place among those of its role. */
  netvet.inks = function (curves) {
    const [from, to] = getComputedStyle(document.documentElement).colorScheme === "dark" ? [0.3, 1] : [0, 0.85]; // what stands out from the ground
    return curves.map((curve) => {
      const own = curves.filter((other) => other.role === curve.role);
      const nth = own.indexOf(curve);
      if (own.length > MANY) return { stroke: netvet.rgb(netvet.viridis(from + ((to - from) * nth) / (own.length - 1))), dash: DASHES[nth % 2] };
      const names = shades(curve.role);
      const dash = curve.style === "dash" ? DASHES[1 + (Math.floor(nth / names.length) % 3)] : DASHES[Math.floor(nth / names.length) % DASHES.length];
      return { stroke: colour(names[nth % names.length]), dash };
    });
  };

  /** The colour of a curve for its band: `#rrggbb` or `rgb(...)`, a fifth as strong. */
  netvet.faint = (stroke) => (/^#[0-9a-f]{6}$/i.test(stroke) ? `${stroke}33` : stroke.replace(/^rgb\((.*)\)$/, "rgba($1, 0.2)"));

  /** Words with a rim in the colour of the ground, so that they are read over curves. */
  function written(ctx, text, x, y) {
    const ink = ctx.fillStyle;
    ctx.strokeStyle = colour("background");
    ctx.lineWidth = 3 * devicePixelRatio;
    ctx.setLineDash([]);
    ctx.strokeText(text, x, y);
    ctx.fillStyle = ink;
    ctx.fillText(text, x, y);
  }

  /** Marks that are in view with their rows above the plot, so that no word lies over a curve, another word, or another
      mark's line: from right to left, each above those that begin beneath it (at the right end from left to right). Words beyond the last row are left out.
      `at`: place of a value in CSS pixels; `ends`: those of the plot. */
  netvet.stacked = function (marks, at, ends) {
    const seen = new Set();
    const placed = marks.map((mark) => ({ mark, x: at(mark.x) })).filter(({ mark, x }) => {
      const key = `${mark.label} ${mark.x}`;
      return x >= ends[0] - 1 && x <= ends[1] + 1 && !seen.has(key) && seen.add(key);
    });
    for (const one of placed) {
      const width = netvet.textWidth(one.mark.label, 11);
      one.turned = one.x + 4 + width > ends[1] + EDGE; // at the right end it stands on the left
      const start = one.turned ? one.x - 4 - width : one.x + 4;
      Object.assign(one, { start, end: start + width, row: null });
    }
    placed.sort((a, b) => a.turned - b.turned || (a.turned ? a.x - b.x : b.x - a.x));
    const told = [];
    for (const one of placed) {
      const { start } = one;
      const beneath = told.filter((other) => Math.min(other.start, other.x) < one.end + 6 && Math.max(other.end, other.x) > start - 6);
      const row = beneath.reduce((most, other) => Math.max(most, other.row + 1), 0);
      if (row >= ROWS || start < 0) continue;
      one.row = row;
      told.push(one);
    }
    return placed;
  };

  /** Rows that the words of marks take above a plot of a width, all of it in view. */
  netvet.rowsOf = function (marks, scale, width) {
    const rows = netvet.stacked(marks, (value) => scale.at(value), [0, width]).map(({ row }) => (row === null ? 0 : row + 1));
    return Math.max(0, ...rows);
  };

  /** Vertical lines at the steps of findings and of the figure itself, and their words above the plot. */
  netvet.drawMarks = function (plot, marks, rows) {
    const { ctx, bbox } = plot;
    const ratio = devicePixelRatio;
    const placed = netvet.stacked(marks, (value) => plot.valToPos(value, "x", true) / ratio, [bbox.left / ratio, (bbox.left + bbox.width) / ratio]);
    ctx.save();
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.lineJoin = "round";
    const shown = ({ row }) => row !== null && row < rows;
    for (const one of placed) {
      ctx.strokeStyle = colour(one.mark.severity);
      ctx.lineWidth = ratio;
      ctx.setLineDash(one.mark.severity === "best" ? [] : [5 * ratio, 4 * ratio]);
      ctx.beginPath();
      ctx.moveTo(one.x * ratio, bbox.top - (shown(one) ? one.row * netvet.MARK_ROW + 11 : 0) * ratio);
      ctx.lineTo(one.x * ratio, bbox.top + bbox.height);
      ctx.stroke();
    }
    for (const one of placed.filter(shown)) {
      ctx.fillStyle = colour(one.mark.severity);
      written(ctx, one.mark.label, one.start * ratio, bbox.top - (one.row * netvet.MARK_ROW + 4) * ratio);
    }
    ctx.restore();
  };

  /** Steps of a curve where there is no finite number, alone or among others of its bucket. */
  netvet.brokenSteps = (curve) => [...curve.x.filter((_, at) => curve.y[at] === null), ...(curve.broken || [])].sort((a, b) => a - b);

  /** Steps where a logarithmic axis has no place for a curve. */
  netvet.sunkenSteps = (curve) => curve.x.filter((_, at) => curve.y[at] !== null && curve.y[at] <= 0);

  /** A triangle wherever a shown curve has no place: at the top edge no finite number, at the bottom edge none above 0. */
  netvet.drawEdge = function (plot, found, top) {
    const { ctx, bbox } = plot;
    const size = 5 * devicePixelRatio;
    const [edge, tip] = top ? [bbox.top, bbox.top + 1.6 * size] : [bbox.top + bbox.height, bbox.top + bbox.height - 1.6 * size];
    ctx.save();
    for (const { steps, stroke } of found) {
      let free = -Infinity;
      for (const step of steps) {
        const x = plot.valToPos(step, "x", true);
        if (x < bbox.left - 1 || x > bbox.left + bbox.width + 1 || x < free) continue;
        free = x + size;
        ctx.fillStyle = stroke;
        ctx.strokeStyle = colour(top ? "error" : "text");
        ctx.lineWidth = 1.5 * devicePixelRatio;
        ctx.beginPath();
        ctx.moveTo(x - size, edge);
        ctx.lineTo(x + size, edge);
        ctx.lineTo(x, tip);
        ctx.closePath();
        ctx.fill();
        ctx.stroke();
      }
    }
    ctx.restore();
  };

  /** Mean of the values around each place, at the ends of fewer: it does not lag behind; nothing stays nothing. */
  netvet.smoothed = function (values, span) {
    const [sums, counts] = [[0], [0]];
    values.forEach((value, at) => {
      const known = value !== null && value !== undefined;
      sums.push(sums[at] + (known ? value : 0));
      counts.push(counts[at] + (known ? 1 : 0));
    });
    return values.map((value, at) => {
      if (value === null || value === undefined) return value;
      const half = Math.min(span >> 1, at, values.length - 1 - at);
      return (sums[at + half + 1] - sums[at - half]) / (counts[at + half + 1] - counts[at - half]);
    });
  };
})();
