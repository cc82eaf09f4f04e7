// Repeated groups of a module graph as one node: twelve equal layers are one, and the one that differs stays apart.
"use strict";
(() => {
  const WORST = ["unknown", "healthy", "note", "warning", "error"]; // of a run: what was not assessed hides nothing
  const LEAST = 3; // equal groups in a row before they become one
  const pattern = (text) => text.replace(/\d+/g, "#");

  /** Nodes of each group, in order; nodes without a group are alone. */
  function groupsOf(figure) {
    const groups = new Map();
    for (const node of figure.nodes) {
      const key = node.group || `\u0000${node.id}`;
      groups.set(key, [...(groups.get(key) || []), node]);
    }
    return groups;
  }

  /** What two groups must share to be drawn as one: their names but for numbers, and the health of each node and edge. */
  function signature(name, nodes, edges) {
    const own = new Map(nodes.map((node, at) => [node.id, at]));
    const inner = edges.filter((edge) => own.has(edge.source) && own.has(edge.target))
      .map((edge) => `${own.get(edge.source)}-${own.get(edge.target)}-${edge.broken}-${edge.here}`);
    const outer = edges.filter((edge) => edge.broken && own.has(edge.source) !== own.has(edge.target)).length;
    return JSON.stringify([pattern(name), nodes.map((node) => [pattern(node.label), node.health, node.here]), inner.sort(), outer]);
  }

  /** Runs of equal groups: [[name, ...], ...]. */
  function runs(groups, edges) {
    const found = [];
    let last = null;
    for (const [name, nodes] of groups) {
      const own = name.startsWith("\u0000") ? null : signature(name, nodes, edges);
      if (own !== null && own === last) found[found.length - 1].push(name);
      else found.push([name]);
      last = own;
    }
    return found;
  }

  function merged(names, groups) {
    const members = names.flatMap((name) => groups.get(name));
    const health = members.reduce((worst, node) => (WORST.indexOf(node.health) > WORST.indexOf(worst) ? node.health : worst), "unknown");
    const one = groups.get(names[0]);
    const inside = one.length === 1 ? [] : [`Each: ${one.map((node) => node.label).join(", ")}.`];
    const notes = [...new Set(members.flatMap((node) => node.notes))];
    return {
      id: `\u0000run ${names[0]}`, label: names.length > 1 ? `${names[0]} \u2026 ${names[names.length - 1]}` : names[0], group: "", health,
      value: `\u00d7 ${names.length}`, here: (members.find((node) => node.here) || {}).here, notes: [`${names.length} equal groups, ${members.length} modules.`, ...inside, ...notes.slice(0, 8)], members,
        run: names[0],
    };
  }

  /** The graph with runs of equal groups as one node each, but for those in `open` (by name of the first group). */
  netvet.collapsed = function (figure, open) {
    const groups = groupsOf(figure);
    const nodes = [];
    const place = new Map();
    for (const names of runs(groups, figure.edges)) {
      const members = names.flatMap((name) => groups.get(name));
      const together = names.length >= LEAST && !open.has(names[0]);
      const shown = together ? [merged(names, groups)] : members;
      nodes.push(...shown);
      members.forEach((node) => place.set(node.id, together ? shown[0].id : node.id));
    }
    const edges = new Map();
    for (const edge of figure.edges) {
      const [source, target] = [place.get(edge.source), place.get(edge.target)];
      if (source === undefined || target === undefined || source === target) continue;
      const key = JSON.stringify([source, target]);
      const before = edges.get(key) || {};
      edges.set(key, { source, target, broken: edge.broken || before.broken, here: edge.here || before.here });
    }
    return { nodes, edges: [...edges.values()], runs: runs(groups, figure.edges).filter((names) => names.length >= LEAST).map((names) => names[0]) };
  };
})();
