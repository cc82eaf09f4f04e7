// What is drawn on curves besides the curves: their colours, marks of findings, and what is no number.
"use strict";
(() => {
  const { colour } = netvet;
  const DASHES = [undefined, [7, 4], [2, 3], [9, 3, 2, 3]];
  const MANY = 12; // curves of one role from which colour tells their order, as depth in a net
  const ROWS = 4; // lines of words of marks

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

  /** Vertical lines at the steps of findings and of the figure itself; words only where there is room. */
  netvet.drawMarks = function (plot, marks) {
    const { ctx, bbox } = plot;
    const ends = new Array(ROWS).fill(-Infinity);
    const placed = marks.map((mark) => ({ mark, x: plot.valToPos(mark.x, "x", true) })).filter(({ x }) => x >= bbox.left - 1 && x <= bbox.left + bbox.width + 1)
      .sort((a, b) => a.x - b.x);
    ctx.save();
    ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.lineJoin = "round";
    for (const { mark, x } of placed) {
      ctx.strokeStyle = ctx.fillStyle = colour(mark.severity);
      ctx.lineWidth = devicePixelRatio;
      ctx.setLineDash(mark.severity === "best" ? [] : [5 * devicePixelRatio, 4 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      const width = ctx.measureText(mark.label).width;
      const start = Math.max(bbox.left, Math.min(x + 4, bbox.left + bbox.width - width - 4));
      const row = ends.findIndex((end) => end < start);
      if (row < 0 || width > bbox.width) continue;
      ends[row] = start + width + 8;
      written(ctx, mark.label, start, bbox.top + (22 + 14 * row) * devicePixelRatio);
    }
    ctx.restore();
  };

  /** Steps of a curve where there is no finite number. */
  netvet.brokenSteps = (curve) => curve.x.filter((_, at) => curve.y[at] === null);

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
