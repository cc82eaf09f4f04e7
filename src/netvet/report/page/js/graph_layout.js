// Places for the nodes of a graph: layers from top to bottom (Sugiyama, Tagawa and Toda, 1981).
"use strict";
(() => {
  const SWEEPS = 8; // of ordering and of placing; more change nothing in graphs of a few hundred nodes
  const GAP = 18; // pixels between neighbours

  /** Edges without those that close a cycle; each node's inputs and outputs. */
  function acyclic(nodes, edges) {
    const outputs = new Map(nodes.map((node) => [node.id, []]));
    edges.forEach((edge) => { if (outputs.has(edge.source) && outputs.has(edge.target)) outputs.get(edge.source).push(edge); });
    const state = new Map();
    const back = new Set();
    for (const { id } of nodes) {
      const stack = state.has(id) ? [] : [[id, 0]];
      if (stack.length) state.set(id, "open");
      while (stack.length) {
        const top = stack[stack.length - 1];
        const edge = outputs.get(top[0])[top[1]++];
        if (!edge) { state.set(top[0], "done"); stack.pop(); continue; }
        if (state.get(edge.target) === "open") back.add(edge);
        else if (!state.has(edge.target)) { state.set(edge.target, "open"); stack.push([edge.target, 0]); }
      }
    }
    return edges.filter((edge) => outputs.has(edge.source) && outputs.has(edge.target))
      .map((edge) => (back.has(edge) ? { edge, source: edge.target, target: edge.source } : { edge, source: edge.source, target: edge.target }));
  }

  /** Layer of each node: the longest way from an input. */
  function layered(nodes, links) {
    const waiting = new Map(nodes.map((node) => [node.id, 0]));
    const outputs = new Map(nodes.map((node) => [node.id, []]));
    links.forEach((link) => { waiting.set(link.target, waiting.get(link.target) + 1); outputs.get(link.source).push(link.target); });
    const layer = new Map(nodes.map((node) => [node.id, 0]));
    const ready = nodes.filter((node) => !waiting.get(node.id)).map((node) => node.id);
    for (let at = 0; at < ready.length; at++) {
      for (const target of outputs.get(ready[at])) {
        layer.set(target, Math.max(layer.get(target), layer.get(ready[at]) + 1));
        waiting.set(target, waiting.get(target) - 1);
        if (!waiting.get(target)) ready.push(target);
      }
    }
    // What has no input itself stands just above what it goes into: labels beside the loss.
    const sources = new Set(nodes.map((node) => node.id));
    links.forEach((link) => sources.delete(link.target));
    sources.forEach((id) => { if (outputs.get(id).length) layer.set(id, Math.min(...outputs.get(id).map((target) => layer.get(target))) - 1); });
    return layer;
  }

  /** Nodes and, on links over several layers, bends: by layer; each link becomes a chain of them. */
  function chained(nodes, links, layer, width) {
    const layers = [];
    const put = (at, item) => { (layers[at] = layers[at] || []).push(item); return item; };
    const items = new Map(nodes.map((node) => [node.id, put(layer.get(node.id), { node, width: width(node), near: [[], []] })]));
    const chains = links.map((link) => {
      const chain = [items.get(link.source)];
      for (let at = layer.get(link.source) + 1; at < layer.get(link.target); at++) chain.push(put(at, { node: null, width: 10, near: [[], []] }));
      chain.push(items.get(link.target));
      for (let at = 1; at < chain.length; at++) { chain[at].near[0].push(chain[at - 1]); chain[at - 1].near[1].push(chain[at]); }
      return { ...link, chain };
    });
    return { layers, chains, items };
  }

  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

  /** Order in each layer: by the mean place of the neighbours above, then below, and so on. */
  function ordered(layers) {
    layers.forEach((items) => items.forEach((item, at) => { item.order = at; }));
    for (let sweep = 0; sweep < SWEEPS; sweep++) {
      const side = sweep % 2;
      for (const items of side ? [...layers].reverse() : layers) {
        items.forEach((item) => { item.weight = item.near[side].length ? mean(item.near[side].map((other) => other.order)) : item.order; });
        items.sort((a, b) => a.weight - b.weight);
        items.forEach((item, at) => { item.order = at; });
      }
    }
  }

  /** Centres: as near to the neighbours' as the order and the widths allow. */
  function centred(layers) {
    for (const items of layers) {
      let x = 0;
      items.forEach((item) => { item.x = x + item.width / 2; x += item.width + GAP; });
      items.forEach((item) => { item.x -= x / 2; });
    }
    for (let sweep = 0; sweep < 2 * SWEEPS; sweep++) {
      for (const items of sweep % 2 ? [...layers].reverse() : layers) {
        const near = (item) => (sweep < SWEEPS ? item.near[sweep % 2] : [...item.near[0], ...item.near[1]]);
        const wanted = items.map((item) => (near(item).length ? mean(near(item).map((other) => other.x)) : item.x));
        spread(items, wanted);
      }
    }
  }

  /** Least squares under the distances: neighbours that would touch move together (pool adjacent violators). */
  function spread(items, wanted) {
    let offset = 0;
    const offsets = items.map((item, at) => { if (at) offset += (items[at - 1].width + item.width) / 2 + GAP; return offset; });
    const blocks = [];
    wanted.forEach((value, at) => {
      blocks.push({ sum: value - offsets[at], size: 1 });
      while (blocks.length > 1) {
        const [left, right] = blocks.slice(-2);
        if (left.sum / left.size <= right.sum / right.size) break;
        blocks.splice(-2, 2, { sum: left.sum + right.sum, size: left.size + right.size });
      }
    });
    let at = 0;
    for (const block of blocks) for (let inside = 0; inside < block.size; inside++, at++) items[at].x = block.sum / block.size + offsets[at];
  }

  /** Places of a graph: nodes {node, x, y, width}, edges {edge, points}, width and height. */
  netvet.graphLayout = function (nodes, edges, width, height, between) {
    const links = acyclic(nodes, edges);
    const { layers, chains, items } = chained(nodes, links, layered(nodes, links), width);
    ordered(layers);
    centred(layers);
    const all = layers.flat();
    const left = Math.min(...all.map((item) => item.x - item.width / 2));
    const right = Math.max(...all.map((item) => item.x + item.width / 2));
    layers.forEach((row, at) => row.forEach((item) => { item.y = at * (height + between); item.x -= left; }));
    const edged = chains.map(({ edge, source, chain }) => {
      const points = chain.map((item) => [item.x, item.y]);
      return { edge, points: source === edge.source ? points : points.reverse(), back: source !== edge.source };
    });
    return { nodes: [...items.values()], edges: edged, width: right - left, height: layers.length * (height + between) - between };
  };
})();
