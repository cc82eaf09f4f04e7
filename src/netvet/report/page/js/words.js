// Small parts that the page is made of: a command to copy, a line of source, a mark with its word.
"use strict";
(() => {
  const { h } = netvet;
  const MARKS = {
    passed: "\u2713", failed: "\u2717", "not yet": "\u25cb", "not assessed": "\u2013", advice: "\u2192", undetermined: "?",
    error: "\u2717", warning: "!", note: "i", good: "\u2713", plain: "",
  };

  async function copied(code) {
    try {
      await navigator.clipboard.writeText(code.textContent);
      return "Copied";
    } catch { // in a frame the clipboard is not ours: select the text, and try the old way
      getSelection().selectAllChildren(code);
      try { return document.execCommand("copy") ? "Copied" : "Selected"; } catch { return "Selected"; }
    }
  }

  /** A command line with a button that copies it. */
  netvet.command = function (text) {
    const code = h("code", {}, text);
    const button = h("button", { type: "button", class: "copy", "aria-live": "polite", onclick: async () => {
      button.textContent = await copied(code);
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    } }, "Copy");
    return h("div", { class: "command" }, code, button);
  };

  /** A mark that says in form and colour what the word beside it says too. */
  netvet.mark = (name) => h("span", { class: `mark mark-${name.replace(" ", "-")}`, "aria-hidden": "true" }, MARKS[name] ?? "");

  /** File and line, and the line itself. */
  netvet.sourceLine = (place) => h("div", { class: "place" }, h("code", { class: "file" }, place.text),
    place.source ? h("pre", { class: "source", tabindex: "0", "aria-label": `Source line at ${place.text}` }, place.source) : null);

  /** Something folded: its heading, and what is beneath. */
  netvet.folded = (key, title, children, open = false) => h("details", { "data-key": key, open }, h("summary", {}, title), children);

  /** A check's name as words. */
  netvet.words = (check) => check.replaceAll("-", " ");
})();
