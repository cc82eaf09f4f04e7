// A small table of numbers as colour and text.
"use strict";
(() => {
  const { h, shown } = netvet;
  const MOST = 40; // rows and columns that are drawn: of a larger matrix those that matter most

  /** Rows to draw, and columns: all, or those with the largest numbers off the diagonal, in their own order. */
  function kept(figure) {
    const all = [...figure.rows.keys()];
    const columns = [...figure.columns.keys()];
    if (all.length <= MOST && columns.length <= MOST) return { rows: all, columns };
    const off = (row, column) => (figure.diagonal && row === column ? 0 : Math.abs(figure.values[row][column] || 0));
    const most = (places, weight) => places.map((place) => [weight(place), place]).sort((a, b) => b[0] - a[0]).slice(0, MOST).map(([, place]) => place)
      .sort((a, b) => a - b);
    if (figure.diagonal) {
      const both = most(all, (place) => columns.reduce((sum, other) => sum + off(place, other) + (figure.values[other] ? off(other, place) : 0), 0));
      return { rows: both, columns: both };
    }
    return { rows: most(all, (row) => columns.reduce((sum, column) => sum + off(row, column), 0)),
      columns: most(columns, (column) => all.reduce((sum, row) => sum + off(row, column), 0)) };
  }

  /** How strong the colour of a number is, -1 to 1: by its root, so that the few mistakes beside many hits are seen. */
  function strengths(figure) {
    const most = figure.values.flat().reduce((found, value) => Math.max(found, Math.abs(value || 0)), 0) || 1;
    return (value) => Math.sign(value) * Math.sqrt(Math.abs(value) / most);
  }

  const short = (value) => (Math.abs(value) >= 10000 ? netvet.tick(Number(value.toPrecision(3))) : shown(Number(value.toPrecision(3))));

  function cell(figure, row, column, share, ramps) {
    const value = figure.values[row][column];
    const unit = figure.unit === "1" || value === null ? "" : ` ${figure.unit}`;
    const told = `${figure.row_axis} ${figure.rows[row]}, ${figure.column_axis} ${figure.columns[column]}: ${shown(value)}${unit}`;
    const made = h("td", { title: told, class: `${figure.diagonal && row === column ? "right" : ""}${value === null ? " missing" : ""}` },
      value === null ? "\u2013" : short(value));
    if (value !== null) {
      const strength = share(value);
      const colour = ramps[strength < 0 ? 0 : 1](Math.abs(strength));
      made.style.background = netvet.rgb(colour);
      made.style.color = netvet.inkOn(colour);
    }
    return made;
  }

  function note(figure, drawn) {
    const less = drawn.rows.length < figure.rows.length || drawn.columns.length < figure.columns.length;
    const framed = figure.diagonal ? "Framed: the diagonal, where both agree. " : "";
    const unit = figure.unit === "1" ? "" : `Numbers in ${figure.unit}. `;
    if (!less) return framed + unit;
    const rows = `the ${drawn.rows.length} of ${figure.rows.length} rows and ${drawn.columns.length} of ${figure.columns.length} columns`;
    return `${framed}${unit}Shown: ${rows} with the largest numbers${figure.diagonal ? " off the diagonal" : ""}; the table has all.`;
  }

  netvet.kinds.matrix = {
    draw(container, figure) {
      function make(next) {
        if (!next.rows.length || !next.columns.length) { netvet.said(container, "There is no number to draw yet."); return; }
        const [drawn, share, ramps] = [kept(next), strengths(next), [netvet.ramp("surface", "role-val"), netvet.ramp("surface", "role-train")]];
        const table = h("table", { class: "matrix" },
          h("thead", {}, h("tr", {}, h("td", { class: "corner", rowspan: "2" }, `${next.row_axis} \u2193`),
            h("th", { class: "axis-name", colspan: drawn.columns.length, scope: "colgroup" }, h("span", {}, `${next.column_axis} \u2192`))),
            h("tr", {}, drawn.columns.map((column) => h("th", { scope: "col", title: next.columns[column] },
              h("span", {}, netvet.fitted(next.columns[column], 110)))))),
          h("tbody", {}, drawn.rows.map((row) => h("tr", {}, h("th", { scope: "row", title: next.rows[row] }, netvet.fitted(next.rows[row], 130)),
            drawn.columns.map((column) => cell(next, row, column, share, ramps))))));
        if (drawn.columns.some((column) => netvet.textWidth(next.columns[column]) > 44)) table.classList.add("long-names");
        const told = note(next, drawn);
        container.replaceChildren(h("div", { class: "matrix-box", tabindex: "0", role: "region", "aria-label": `${next.row_axis} by ${next.column_axis}` },
          table), ...(told ? [h("p", { class: "dim" }, told)] : []));
      }
      return netvet.redrawn(container, figure, make);
    },
    summary(figure) {
      const size = `${figure.rows.length} x ${figure.columns.length}`;
      if (!figure.diagonal) return `${size} numbers of ${figure.row_axis} by ${figure.column_axis}`;
      let [right, all] = [0, 0];
      figure.values.forEach((row, at) => row.forEach((value, column) => { all += value || 0; if (at === column) right += value || 0; }));
      return `${size}; ${shown(right)} of ${shown(all)} on the diagonal`;
    },
    table(figure) {
      return [[`${figure.row_axis} \\ ${figure.column_axis}`, ...figure.columns], ...figure.rows.map((name, row) => [name, ...figure.values[row]])];
    },
  };
})();
