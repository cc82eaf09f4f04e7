// What the keyboard does, and the list of it.
"use strict";
(() => {
  const { h } = netvet;
  const KEYS = [["1 \u2026 9", "a panel"], ["\u2190 \u2192", "the panel beside, when a tab has the focus"], ["j, k", "the next figure, the one before"],
    ["/", "filter figures by title and layer"], ["Esc", "no filter"], ["?", "this list"]];

  /** The dialog that lists the keys. */
  netvet.keyList = function () {
    const close = h("button", { type: "button", onclick: () => dialog.close() }, "Close");
    const dialog = h("dialog", { "aria-label": "Keys", class: "keys" }, h("h2", {}, "Keys"),
      h("dl", { class: "facts" }, KEYS.map(([key, what]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)])), close);
    return dialog;
  };

  const typing = (target) => target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

  /** Listen; `acts`: panel(number), move(step), filter(), help(). */
  netvet.listen = function (acts) {
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || event.defaultPrevented) return;
      const act = /^[1-9]$/.test(event.key) ? () => acts.panel(Number(event.key) - 1)
        : { j: () => acts.move(1), k: () => acts.move(-1), "/": acts.filter, "?": acts.help }[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    });
  };
})();
