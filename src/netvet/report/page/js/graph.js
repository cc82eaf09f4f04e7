// The modules of a net as a graph from top to bottom, with the health of each.
"use strict";
(() => {
  const { h, svg } = netvet;
  const [HEIGHT, BETWEEN, EDGE] = [36, 36, 14]; // pixels of a node, between layers, around all
  const SIGNS = { healthy: "\u2713", note: "i", warning: "!", error: "\u2715", unknown: "?" };
  const WORDS = { healthy: "healthy", note: "note", warning: "warning", error: "error", unknown: "not assessed" };

  const BOLD = 12.5; // pixels of letters of 11 that are bold
  const LOUD = ["error", "warning", "note"];

  /** The second line of a node: what is wrong with it before all else. */
  const second = (node) => (node.here ? `\u25c4 ${netvet.words(node.here)}${node.told ? `: ${node.value}` : ""}` : node.value);
  const widthOf = (node) => Math.round(Math.min(node.told ? 400 : 260, Math.max(96, 50 + Math.max(netvet.textWidth(node.label, 12), netvet.textWidth(second(node), node.here ? BOLD : 11)))));

  /** A smooth way down through the points of an edge, from the lower border of its source to the upper one of its target. */
  function way({ points, back }) {
    const [up, down] = back ? [0, HEIGHT] : [HEIGHT, 0];
    const last = points.length - 1;
    const at = points.map(([x, y], number) => [x + EDGE, y + EDGE + (number === 0 ? up : number === last ? down : HEIGHT / 2)]);
    let path = `M${at[0]}`;
    for (let number = 1; number <= last; number++) {
      const [[x0, y0], [x1, y1]] = [at[number - 1], at[number]];
      const middle = (y0 + y1) / 2;
      path += x0 === x1 ? `L${x1},${y1}` : `C${x0},${middle} ${x1},${middle} ${x1},${y1}`;
    }
    const [[x0, y0], [x1, y1]] = [at[last - 1], at[last]];
    return { path, cross: [(x0 + x1) / 2, (y0 + y1) / 2] };
  }

  function drawnEdge(laid, arrow, broken) {
    const { path, cross: [x, y] } = way(laid);
    const { here } = laid.edge;
    if (here) {
      return svg("g", { class: "edge here" }, svg("title", {}, netvet.words(here)), svg("path", { d: path, "marker-end": `url(#${arrow})` }),
        svg("text", { x, y: y + 4, "text-anchor": "middle" }, netvet.words(here)));
    }
    if (!laid.edge.broken) return svg("path", { class: "edge", d: path, "marker-end": `url(#${arrow})` });
    return svg("g", { class: "edge broken" }, svg("title", {}, broken), svg("path", { d: path, "marker-end": `url(#${arrow})` }),
      svg("circle", { cx: x, cy: y, r: 7 }), svg("path", { class: "cross", d: `M${x - 4} ${y - 4}l8 8m0 -8l-8 8` }));
  }

  function drawnNode({ node, x, y, width }, choose) {
    const [left, top] = [x - width / 2 + EDGE, y + EDGE];
    const two = Boolean(second(node));
    const key = (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(node); } };
    const made = svg("g", { class: `node ${node.health}${node.members ? " run" : ""}${node.here ? " here" : ""}`, tabindex: "0", role: "button",
      "aria-label": `${node.label}, ${WORDS[node.health]}${two ? `, ${second(node)}` : ""}`, onclick: () => choose(node), onkeydown: key },
      svg("title", {}, `${node.label}: ${WORDS[node.health]}`),
      node.members ? svg("rect", { class: "behind", x: left + 4, y: top + 4, width, height: HEIGHT, rx: 6 }) : null,
      svg("rect", { class: "body", x: left, y: top, width, height: HEIGHT, rx: 6 }),
      svg("circle", { class: "sign", cx: left + 16, cy: top + HEIGHT / 2, r: 9 }),
      svg("text", { class: "sign", x: left + 16, y: top + HEIGHT / 2 + 4, "text-anchor": "middle" }, SIGNS[node.health]),
      svg("text", { class: "label", x: left + 32, y: top + (two ? 16 : 22) }, netvet.fitted(node.label, width - 40, 12)),
      two ? svg("text", { class: "value", x: left + 32, y: top + 29 }, netvet.fitted(second(node), width - 40, node.here ? BOLD : 11)) : null);
    made.netvetId = node.id;
    return made;
  }

  /** What is told of the chosen node. */
  function told(panel, node, open) {
    const expand = node.members ? h("button", { type: "button", onclick: () => open(node.run) }, `Show all ${node.members.length} modules`) : null;
    panel.replaceChildren(h("h4", {}, node.label),
      h("p", { class: `health ${node.health}` }, `${SIGNS[node.health]} ${WORDS[node.health]}${node.value ? `, ${node.value}` : ""}`),
      node.notes.length ? h("ul", {}, node.notes.map((note) => h("li", {}, note))) : h("p", { class: "dim" }, "Nothing more is known of it."),
      ...[expand].filter(Boolean));
  }

  const brokenOf = (figure) => figure.broken || "no gradient passes";

  function legend(figure) {
    const used = Object.keys(SIGNS).filter((health) => figure.nodes.some((node) => node.health === health));
    const cut = svg("svg", { width: 34, height: 12, "aria-hidden": "true" },
      svg("g", { class: "edge broken" }, svg("path", { d: "M0 6H34" }), svg("path", { class: "cross", d: "M13 2l8 8m0 -8l-8 8" })));
    return h("div", { class: "graph-legend" },
      used.map((health) => h("span", { class: `health ${health}` }, h("b", { "aria-hidden": "true" }, SIGNS[health]), ` ${WORDS[health]}`)),
      figure.edges.some((edge) => edge.broken) ? h("span", { class: "health error" }, cut, ` ${brokenOf(figure)}`) : null);
  }

  function chartOf(graph, choose, focus) {
    const laid = netvet.graphLayout(graph.nodes, graph.edges, widthOf, HEIGHT, BETWEEN);
    const [width, height] = [laid.width + 2 * EDGE + 4, laid.height + 2 * EDGE + 4];
    const arrow = netvet.unique("arrow");
    const byPlace = [...laid.nodes].sort((a, b) => a.y - b.y || a.x - b.x);
    const chart = svg("svg", { class: "graph", width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Modules, from input to output" },
      svg("defs", {}, svg("marker", { id: arrow, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 10, markerHeight: 10, markerUnits: "userSpaceOnUse",
        orient: "auto" }, svg("path", { class: "arrow", d: "M0 0L8 4L0 8z" }))),
      laid.edges.map((edge) => drawnEdge(edge, arrow, graph.broken)), byPlace.map((item) => drawnNode(item, choose)));
    const sick = [(node) => node.here && node.here === focus, ...LOUD.map((health) => (node) => node.here && node.health === health), ...LOUD.map((health) => (node) => node.health === health)];
    return { chart, width, sick: sick.map((is) => byPlace.find((item) => is(item.node))).find(Boolean) };
  }

  function make(container, figure, state) {
    if (!figure.nodes.length) { netvet.said(container, "The modules of the net were not recorded."); return; }
    const graph = { ...netvet.collapsed(figure, state.open), broken: brokenOf(figure) };
    const panel = h("div", { class: "node-notes", "aria-live": "polite" }, h("p", { class: "dim" }, "Choose a module to read its notes."));
    const again = () => make(container, figure, state);
    const open = (run) => { state.open.add(run); again(); };
    const choose = (node) => {
      state.chosen = node.id;
      told(panel, node, open);
      container.querySelectorAll(".node").forEach((one) => one.classList.toggle("chosen", one.netvetId === node.id));
    };
    const { chart, width, sick } = chartOf(graph, choose, state.focus);
    const byId = new Map(graph.nodes.map((node) => [node.id, node]));
    const box = h("div", { class: "graph-box" }, chart);
    const fold = state.open.size ? h("button", { type: "button", onclick: () => { state.open.clear(); again(); } }, "Fold equal groups") : null;
    const unfold = graph.runs.some((run) => !state.open.has(run))
      ? h("button", { type: "button", onclick: () => { graph.runs.forEach((run) => state.open.add(run)); again(); } }, "Show every module") : null;
    container.replaceChildren(h("div", { class: "controls" }, legend(figure), fold, unfold), h("div", { class: "graph-and-notes" }, box, panel));
    box.scrollLeft = Math.max(0, (width - box.clientWidth) / 2);
    if (sick) { box.scrollTop = Math.max(0, sick.y - box.clientHeight / 2); box.scrollLeft = Math.max(0, sick.x - box.clientWidth / 2); }
    if (byId.has(state.chosen)) choose(byId.get(state.chosen));
  }

  netvet.kinds.graph = {
    draw(container, figure, context) {
      const state = { open: new Set(), chosen: null, focus: context.focus }; // the check whose culprit comes into view
      return netvet.redrawn(container, figure, (next) => make(container, next, state));
    },
    summary(figure) {
      const count = (health) => figure.nodes.filter((node) => node.health === health).length;
      const sick = ["error", "warning"].filter(count).map((health) => `${count(health)} with ${health}`);
      const broken = figure.edges.filter((edge) => edge.broken).length;
      const told = `${figure.nodes.length} modules${sick.length ? `, ${sick.join(", ")}` : ""}`;
      return broken ? `${told}; ${brokenOf(figure)}: ${broken} of ${figure.edges.length} edges` : told;
    },
    table(figure) {
      const label = new Map(figure.nodes.map((node) => [node.id, node.label]));
      const inputs = (id) => figure.edges.filter((edge) => edge.target === id)
        .map((edge) => `${label.get(edge.source) || edge.source}${edge.broken ? ` (${figure.broken || "no gradient"})` : ""}${edge.here ? ` (${netvet.words(edge.here)})` : ""}`).join(", ");
      return [["module", "group", "health", "value", "inputs", "notes"],
        ...figure.nodes.map((node) => [node.label, node.group, WORDS[node.health], [node.value, node.here].filter(Boolean).join("; "),
          inputs(node.id), node.notes.join("; ")])];
    },
  };
})();
