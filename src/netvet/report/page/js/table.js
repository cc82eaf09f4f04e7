// A plain table: a click on the name of a column sorts by it.
"use strict";
(() => {
  const { h, shown } = netvet;
  const FIRST = 200; // rows that are shown before one asks for more

  /** Numbers by size, texts as people sort them; what is missing comes last either way. */
  function compared(a, b, sign) {
    if (a === null || b === null) return (a === null) - (b === null);
    if (typeof a === "number" && typeof b === "number") return sign * (a - b);
    return sign * String(a).localeCompare(String(b), "en", { numeric: true });
  }

  const sorted = (rows, state) => (state.column === null ? rows : [...rows].sort((a, b) => compared(a[state.column], b[state.column], state.sign)));

  function headed(figure, state, again) {
    return figure.columns.map((name, column) => {
      const own = state.column === column;
      const turn = () => { if (own) state.sign = -state.sign; else Object.assign(state, { column, sign: 1 }); again(); };
      const sign = own ? (state.sign > 0 ? "\u25b2" : "\u25bc") : "\u2195";
      return h("th", { scope: "col", "aria-sort": own ? (state.sign > 0 ? "ascending" : "descending") : "none" },
        h("button", { type: "button", onclick: turn }, name, h("span", { "aria-hidden": "true", class: "sort" }, ` ${sign}`)));
    });
  }

  const cell = (value) => h("td", { class: typeof value === "number" ? "number" : "" }, shown(value));

  netvet.kinds.table = {
    draw(container, figure) {
      const state = { column: null, sign: 1, all: false };
      const make = () => netvet.remade(container, remake);
      function remake() {
        if (!figure.rows.length) { netvet.said(container, "The table has no rows yet."); return; }
        const rows = sorted(figure.rows, state);
        const kept = state.all ? rows : rows.slice(0, FIRST);
        const more = kept.length < rows.length ? h("button", { type: "button", onclick: () => { state.all = true; make(); } }, `Show all ${rows.length} rows`)
          : null;
        container.replaceChildren(h("div", { class: "scrolling", tabindex: "0", role: "region", "aria-label": figure.title },
          h("table", { class: "sortable" }, h("thead", {}, h("tr", {}, headed(figure, state, make))),
            h("tbody", {}, kept.map((row) => h("tr", {}, row.map(cell)))))), ...[more].filter(Boolean));
      }
      make();
      return { update(next) { figure = next; make(); }, resize() {}, restyle() {}, destroy() { container.replaceChildren(); } };
    },
    summary: (figure) => `${figure.rows.length} rows of ${figure.columns.join(", ")}`,
    table: (figure) => [figure.columns, ...figure.rows],
  };
})();
