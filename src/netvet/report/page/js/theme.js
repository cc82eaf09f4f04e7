// Light, dark, or as the system has it; kept while the tab is open, where the browser lets us.
"use strict";
(() => {
  const { h } = netvet;
  const CHOICES = ["system", "light", "dark"];
  const KEY = "netvet-theme";

  function kept() {
    try { return CHOICES.includes(sessionStorage.getItem(KEY)) ? sessionStorage.getItem(KEY) : "system"; } catch { return "system"; }
  }

  function keep(choice) {
    try { sessionStorage.setItem(KEY, choice); } catch { /* a page in a frame, or a browser that keeps nothing */ }
  }

  /** The switch: {element, set(theme)}; `changed` is called when colours are others. */
  netvet.theme = function (changed) {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    let choice = kept();
    const apply = (theme) => {
      const wanted = theme === "system" ? (dark.matches ? "dark" : "light") : theme;
      if (document.documentElement.dataset.theme === wanted) return;
      document.documentElement.dataset.theme = wanted;
      changed();
    };
    const options = CHOICES.map((one) => h("option", { value: one, selected: one === choice }, one[0].toUpperCase() + one.slice(1)));
    const select = h("select", { "aria-label": "Colours", onchange: () => { choice = select.value; keep(choice); apply(choice); } }, options);
    dark.addEventListener("change", () => apply(choice));
    apply(choice);
    return { element: select, set: (theme) => apply(theme || choice) };
  };
})();
