// What can be done from the live page: acknowledge a finding, try the fixes of a cause. Each is confirmed first.
"use strict";
(() => {
  const { h } = netvet;
  const EVERY = 1500; // ms between two looks at a trial

  /** A question with the answers yes and no: resolves to what was typed ("" without a field), or null. */
  function confirmed(title, text, { field = null, yes = "Yes" } = {}) {
    return new Promise((answer) => {
      const input = field && h("input", { type: "text", "aria-label": field, placeholder: field, maxlength: "400", required: true });
      const dialog = h("dialog", { "aria-label": title }, h("form", { method: "dialog", onsubmit: () => dialog.close("yes") }, h("h2", {}, title), h("p", {}, text), input,
        h("p", { class: "answers" }, h("button", { type: "submit" }, yes), h("button", { type: "button", onclick: () => dialog.close("") }, "Cancel"))));
      dialog.addEventListener("close", () => { dialog.remove(); answer(dialog.returnValue === "yes" ? (input ? input.value : "") : null); });
      document.body.append(dialog);
      dialog.showModal();
    });
  }

  async function told(status, action) {
    try { return await action(); } catch (error) { status.textContent = error.message; return null; }
  }

  async function acknowledge(run, check, status) {
    const reason = await confirmed("Acknowledge this finding", `${check} is then listed with your reason, and counts no more for this run. For all runs, add it to [tool.netvet.allow] in pyproject.toml.`, { field: "Why is it right as it is?", yes: "Acknowledge" });
    if (reason === null) return;
    const places = await netvet.asked(`run/${encodeURIComponent(run)}`);
    for (const finding of places.view.findings.filter((one) => one.check === check)) {
      await told(status, () => netvet.asked("act/allow", { run, check, where: finding.where, reason }));
    }
    status.textContent ||= "Acknowledged.";
  }

  async function tried(run, check, status) {
    const yes = await confirmed("Try the fixes", `Runs the program again and again on this machine, each time with one change for ${check}, and says what helps. Your files are not changed.`, { yes: "Start" });
    if (yes === null) return;
    const started = await told(status, () => netvet.asked("act/try", { run, check }));
    if (started) show(run, status, started.command);
  }

  /** What a trial says, as it says it. */
  function show(run, status, command) {
    const output = h("pre", { class: "source trial", tabindex: "0", "aria-label": "What the trial says" });
    const stop = h("button", { type: "button", onclick: () => told(status, () => netvet.asked("act/stop", { run })) }, "Stop");
    status.replaceChildren(h("code", {}, command), " ", stop, output);
    async function look() {
      const state = await told(h("p"), () => netvet.asked("act/tried", { run }));
      if (state) {
        if (output.textContent !== state.said) { output.textContent = state.said; output.scrollTop = output.scrollHeight; }
        if (state.status !== null) { stop.remove(); return; }
      }
      setTimeout(look, EVERY);
    }
    look();
  }

  async function labelled(run, status) {
    const text = "Starts a page on which you label a random sample blind: how good are people at this task? Answers are kept beside the audit.";
    if (await confirmed("Label samples", text, { yes: "Start" }) === null) return;
    status.textContent = "starting";
    const started = await told(status, () => netvet.asked("act/label", { run }));
    if (started) status.replaceChildren(h("a", { href: started.address, target: "_blank", rel: "noopener noreferrer" }, "Open the page for labels"));
  }

  /** Of an audit: the button that asks a person. */
  function asking(root, run, statuses) {
    const home = root.querySelector("#panel-home");
    if (!home || home.querySelector(".ask-people")) return;
    if (!statuses.has("")) statuses.set("", h("div", { role: "status", class: "act-status" }));
    home.append(h("div", { class: "acts ask-people" }, h("button", { type: "button", onclick: () => labelled(run, statuses.get("")) }, "Label samples blind\u2026")), statuses.get(""));
  }

  /** Add the buttons to every cause of the home, now and whenever it is drawn again. */
  netvet.acting = function (root, run, audit) {
    const statuses = new Map(); // of each cause, kept when the home is drawn again
    function add() {
      if (audit) asking(root, run, statuses);
      for (const cause of root.querySelectorAll("[id^=cause-]")) {
        const check = cause.id.slice("cause-".length);
        if (cause.querySelector(".acts")) continue;
        if (!statuses.has(check)) statuses.set(check, h("div", { role: "status", class: "act-status" }));
        cause.append(h("div", { class: "acts" }, h("button", { type: "button", onclick: () => tried(run, check, statuses.get(check)) }, "Try the fixes\u2026"),
          h("button", { type: "button", onclick: () => acknowledge(run, check, statuses.get(check)) }, "Acknowledge\u2026")), statuses.get(check));
      }
    }
    document.addEventListener("netvet:home", add);
    add();
  };
})();
