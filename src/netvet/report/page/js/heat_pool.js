// Cells of a heat map made few enough for the screen without losing one that stands out.
"use strict";
(() => {
  const [EMPTY, NON_FINITE, FIRST, LAST] = [0, 1, 2, 255]; // as in figures/spec.py
  netvet.cellCodes = { EMPTY, NON_FINITE, FIRST, LAST };

  const decoded = new WeakMap();
  /** The codes of a figure. */
  netvet.cellsOf = function (figure) {
    const known = decoded.get(figure);
    if (known && known.text === figure.cells) return known.bytes;
    const bytes = netvet.bytes(figure.cells);
    decoded.set(figure, { text: figure.cells, bytes });
    return bytes;
  };

  /** Number behind a code; null for cells that have none. */
  netvet.cellValue = function (code, scale) {
    if (code < FIRST) return null;
    const share = (code - FIRST) / (LAST - FIRST);
    if (scale.scale !== "log") return scale.low + share * (scale.high - scale.low);
    return Math.exp(Math.log(scale.low) + share * (Math.log(scale.high) - Math.log(scale.low)));
  };

  /** Median level of each row; cells lie column after column. */
  netvet.rowMedians = function (cells, rows) {
    const medians = new Uint8Array(rows);
    const counts = new Uint32Array(256);
    for (let row = 0; row < rows; row++) {
      counts.fill(0);
      let known = 0;
      for (let at = row; at < cells.length; at += rows) if (cells[at] >= FIRST) { counts[cells[at]]++; known++; }
      let [seen, level] = [0, FIRST];
      while (level < LAST && (seen += counts[level]) * 2 < known) level++;
      medians[row] = level;
    }
    return medians;
  };

  /** How much a cell must be seen: what is not finite first, then the distance from its row's median, then nothing. */
  function rank(code, median) {
    if (code === NON_FINITE) return 1000;
    return code === EMPTY ? 0 : 1 + Math.abs(code - median);
  }

  /**
   * Pool to buckets x groups of rows: each bucket keeps the cell that stands out most of all that touch it.
   * `starts` [columns + 1]: where each column begins, in buckets. Gives codes and source columns, row after row.
   */
  netvet.pooled = function (cells, rows, starts, buckets, group) {
    const medians = netvet.rowMedians(cells, rows);
    const lines = Math.ceil(rows / group);
    const codes = new Uint8Array(lines * buckets);
    const sources = new Int32Array(lines * buckets).fill(-1);
    const ranks = new Int16Array(lines * buckets);
    const columns = Math.floor(cells.length / rows);
    for (let column = 0; column < columns; column++) {
      const first = Math.max(0, Math.floor(starts[column] + 1e-6));
      const last = Math.min(buckets - 1, Math.max(first, Math.ceil(starts[column + 1] - 1e-6) - 1));
      for (let row = 0; row < rows; row++) {
        const code = cells[column * rows + row];
        const own = rank(code, medians[row]);
        const line = Math.floor(row / group) * buckets;
        for (let bucket = Math.min(first, buckets - 1); bucket <= last; bucket++) {
          if (own > ranks[line + bucket]) { ranks[line + bucket] = own; codes[line + bucket] = code; sources[line + bucket] = column * rows + row; }
        }
      }
    }
    return { codes, sources, lines, buckets };
  };

  /** Histogram of the numbers of one row: edges [k + 1] in values, counts [k]. */
  netvet.rowHistogram = function (codes, scale, wanted = 24) {
    const known = codes.filter((code) => code >= FIRST);
    if (!known.length) return null;
    let [low, high] = [LAST, FIRST];
    for (const code of known) { low = Math.min(low, code); high = Math.max(high, code); }
    const bins = Math.min(wanted, high - low + 1);
    const counts = new Array(bins).fill(0);
    for (const code of known) counts[Math.min(bins - 1, Math.floor(((code - low) / (high - low + 1)) * bins))]++;
    const edge = (number) => netvet.cellValue(low - 0.5 + (number / bins) * (high - low + 1), { ...scale });
    const edges = Array.from({ length: bins + 1 }, (_, number) => edgeAt(edge, number, low, scale));
    return { edges, counts };
  };

  /** Half a level below the lowest there is no code: the scale goes on as it does elsewhere. */
  function edgeAt(edge, number, low, scale) {
    const value = edge(number);
    if (value !== null) return value;
    const [at, next] = [netvet.cellValue(low, scale), netvet.cellValue(low + 1, scale)];
    return scale.scale === "log" ? at / Math.sqrt(next / at) : at - (next - at) / 2;
  }
})();
