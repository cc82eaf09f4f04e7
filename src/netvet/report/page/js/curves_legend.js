// The legend of curves: each can be hidden; many scroll and can be filtered by name.
"use strict";
(() => {
  const { h, svg, shown } = netvet;
  const MANY = 12;

  const swatch = ({ stroke, dash }) => svg("svg", { width: 26, height: 10, "aria-hidden": "true" },
    svg("line", { x1: 1, x2: 25, y1: 5, y2: 5, stroke, "stroke-width": 2.5, "stroke-dasharray": dash ? dash.join(" ") : null }));

  /** {element, tell(values)}: `toggle(numbers, on)` shows or hides curves, `hidden(number)` says whether one is. */
  netvet.curvesLegend = function (curves, inks, hidden, toggle) {
    const values = curves.map(() => h("span", { class: "value" }));
    const entries = curves.map((curve, number) => h("li", {}, h("button", {
      type: "button", "aria-pressed": String(!hidden(number)), title: `Show or hide ${curve.name}`,
      onclick: () => set([number], hidden(number)),
    }, swatch(inks[number]), h("span", { class: "name" }, curve.name), values[number])));
    function set(numbers, on) {
      toggle(numbers, on);
      numbers.forEach((number) => entries[number].firstChild.setAttribute("aria-pressed", String(on)));
    }
    const matching = (text) => curves.map((curve, number) => ({ number, fits: curve.name.toLowerCase().includes(text.toLowerCase()) }));
    function filter(event) {
      for (const { number, fits } of matching(event.target.value)) entries[number].hidden = !fits;
    }
    const visible = () => [...entries.keys()].filter((number) => !entries[number].hidden);
    const tools = curves.length <= MANY ? null : h("div", { class: "controls" },
      h("input", { type: "search", placeholder: `Filter ${curves.length} curves`, "aria-label": "Filter curves by name", oninput: filter }),
      h("button", { type: "button", onclick: () => set(visible(), true) }, "Show these"),
      h("button", { type: "button", onclick: () => set(visible(), false) }, "Hide these"));
    const element = h("div", { class: curves.length > MANY ? "curves-legend many" : "curves-legend" }, tools,
      h("ul", curves.length > MANY ? { tabindex: "0", "aria-label": "Curves" } : {}, entries));
    return { element, tell(numbers) { values.forEach((value, number) => { value.textContent = numbers ? ` ${shown(numbers[number])}` : ""; }); } };
  };
})();
