// Points over two axes; groups differ by colour and by shape.
"use strict";
(() => {
  const { h, svg, shown, axisTitle } = netvet;
  const HEIGHT = 360;
  const SQUARE = 440;
  const NEAR = 24; // CSS pixels within which the pointer finds a point
  // Paths around a point: circle, square, triangle, cross, diamond, plus.
  const SHAPES = [
    (x, y) => `M${x - 3.5} ${y}a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0`, (x, y) => `M${x - 3} ${y - 3}h6v6h-6z`, (x, y) => `M${x} ${y - 4}l4 7h-8z`,
    (x, y) => `M${x - 3} ${y - 3}l6 6m0 -6l-6 6`, (x, y) => `M${x} ${y - 4.5}l4 4.5l-4 4.5l-4 -4.5z`, (x, y) => `M${x - 4} ${y}h8m-4 -4v8`,
  ];
  const OPEN = [3, 5]; // shapes of lines, which have no inside

  const path = (places, shape) => places.map(([x, y]) => SHAPES[shape](Number(x.toFixed(1)), Number(y.toFixed(1)))).join("");
  const shapeOf = (number) => number % SHAPES.length;
  const classOf = (cloud, number) => `cloud role-${cloud.role}${OPEN.includes(shapeOf(number)) ? " open" : ""}`;

  function ranges(figure) {
    const [logX, logY] = [figure.x.scale === "log", figure.y.scale === "log"];
    let x = netvet.extent(figure.clouds.flatMap((cloud) => cloud.x), logX);
    let y = netvet.extent(figure.clouds.flatMap((cloud) => cloud.y), logY);
    if (!x || !y) return null;
    if (figure.diagonal) x = y = [Math.min(x[0], y[0]), Math.max(x[1], y[1])];
    return { x: wider(x, logX), y: wider(y, logY), logX, logY };
  }

  const wider = ([low, high], log) => (log ? [low / (high / low) ** 0.04, high * (high / low) ** 0.04]
    : [low - (high - low) * 0.04, high + (high - low) * 0.04]);

  /** All points with their places, left to right: what the cursor walks over. */
  function placed(figure, x, y) {
    const found = [];
    figure.clouds.forEach((cloud, group) => cloud.x.forEach((value, at) => {
      if ((x.log && value <= 0) || (y.log && cloud.y[at] <= 0) || !Number.isFinite(value) || !Number.isFinite(cloud.y[at])) return;
      found.push({ group, at, place: [x.at(value), y.at(cloud.y[at])] });
    }));
    return found.sort((a, b) => a.place[0] - b.place[0]);
  }

  const told = (figure, { group, at }) => {
    const cloud = figure.clouds[group];
    const name = cloud.names[at] ? `${cloud.names[at]} (${cloud.name})` : cloud.name;
    return `${name}: ${figure.x.label} ${shown(cloud.x[at])}, ${figure.y.label} ${shown(cloud.y[at])}`;
  };

  const legend = (figure) => h("div", { class: "bars-legend" }, figure.clouds.map((cloud, number) =>
    h("span", {}, svg("svg", { width: 14, height: 12, "aria-hidden": "true" },
      svg("path", { class: classOf(cloud, number), d: path([[7, 6]], shapeOf(number)) })), ` ${cloud.name} (${cloud.x.length})`)));

  /** Pointer and arrow keys choose a point, which is then named. */
  function choosing(plot, chart, points, figure, readout) {
    const ring = svg("circle", { class: "ring", r: 8, visibility: "hidden" });
    chart.append(ring);
    let current = -1;
    function choose(number) {
      current = Math.min(points.length - 1, Math.max(0, number));
      const { place } = points[current];
      for (const [name, value] of [["cx", place[0]], ["cy", place[1]], ["visibility", "visible"]]) ring.setAttribute(name, value);
      readout.textContent = told(figure, points[current]);
    }
    plot.addEventListener("pointermove", (event) => {
      const box = plot.getBoundingClientRect();
      const [left, top] = [event.clientX - box.left, event.clientY - box.top];
      let [best, least] = [-1, NEAR ** 2];
      points.forEach(({ place }, number) => { const far = (place[0] - left) ** 2 + (place[1] - top) ** 2; if (far < least) [best, least] = [number, far]; });
      if (best >= 0) choose(best);
    });
    plot.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -points.length, End: points.length }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      choose(current + step * (event.shiftKey ? 10 : 1));
    });
  }

  function chartOf(figure, width, found) {
    // Where both axes are the same, so are their lengths.
    const height = figure.diagonal ? Math.min(SQUARE, width - 76) : HEIGHT - 54;
    const box = { left: 62, top: 8, width: figure.diagonal ? height : width - 76, height };
    const x = netvet.scale(...found.x, box.left, box.left + box.width, found.logX);
    const y = netvet.scale(...found.y, box.top + box.height, box.top, found.logY);
    const points = placed(figure, x, y);
    const line = figure.diagonal ? svg("line", { class: "diagonal", x1: x.at(found.x[0]), y1: y.at(found.y[0]), x2: x.at(found.x[1]), y2: y.at(found.y[1]) })
      : null;
    const chart = svg("svg", { class: "chart", width, height: height + 54, "aria-hidden": "true" }, netvet.axisLeft(y, figure.y, box),
      netvet.axisBelow(x, figure.x, box), line,
      figure.clouds.map((cloud, number) => svg("path",
        { class: classOf(cloud, number), d: path(points.filter((point) => point.group === number).map((point) => point.place), shapeOf(number)) })));
    return { chart, points };
  }

  netvet.kinds.points = {
    draw(container, figure) {
      return netvet.redrawn(container, figure, (next, width) => {
        const found = ranges(next);
        if (!found) { netvet.said(container, "There is no point to draw yet."); return; }
        const { chart, points } = chartOf(next, width, found);
        const readout = h("output", { class: "readout", "aria-live": "polite" }, "Point at one, or walk over them with the arrow keys.");
        const plot = h("div", { class: "points-plot", tabindex: "0", role: "application",
          "aria-label": `Points of ${next.y.label} over ${next.x.label}; arrow keys walk over them` }, chart);
        choosing(plot, chart, points, next, readout);
        container.replaceChildren(legend(next), plot, readout);
      });
    },
    summary(figure) {
      const groups = figure.clouds.map((cloud) => `${cloud.x.length} of ${cloud.name}`).join(", ");
      return groups ? `points: ${groups}` : "no points";
    },
    table(figure) {
      return [["group", "name", axisTitle(figure.x), axisTitle(figure.y)],
        ...figure.clouds.flatMap((cloud) => cloud.x.map((value, at) => [cloud.name, cloud.names[at] || "", value, cloud.y[at]]))];
    },
  };
})();
