// The list of all runs, and runs drawn beside each other.
"use strict";
(() => {
  const { h, shown } = netvet;
  const EVERY = 2000; // ms between two looks at the list
  const ROLES = ["other", "reference", "worse", "helped"]; // colours of the runs beside the first
  const MOST = 5; // runs beside each other: more are not told apart

  const address = (names) => `?run=${encodeURIComponent(names[0])}${names.slice(1).map((name) => `&with=${encodeURIComponent(name)}`).join("")}`;
  const state = (run) => (run.error ? "cannot be read" : run.ended === null ? "no end so far" : run.ended === "ok" ? "ended" : run.ended);

  function rowOf(run, chosen, changed) {
    const box = h("input", { type: "checkbox", "aria-label": `Compare ${run.name}`, disabled: run.error !== null, checked: chosen.has(run.name),
      onchange: () => { if (box.checked) chosen.add(run.name); else chosen.delete(run.name); changed(); } });
    const name = run.error === null ? h("a", { href: address([run.name]) }, run.name) : h("span", { title: run.error }, run.name);
    const started = run.started ? h("time", { datetime: run.started }, new Date(run.started).toLocaleString("sv")) : null;
    return h("tr", { class: run.ended === null && !run.error ? "going" : "" }, h("td", {}, box), h("td", {}, name), h("td", {}, started), h("td", {}, run.script || ""),
      h("td", { class: "number" }, run.steps === null ? "" : shown(run.steps)), h("td", {}, run.trial ? `${state(run)}, a trial of ${run.trial}` : state(run)), h("td", {}, run.verdict || ""));
  }

  /** The list: newest first, with a filter; two or more can be chosen and compared. */
  netvet.runs = function (root) {
    const chosen = new Set();
    let [runs, said] = [[], ""];
    const filter = h("input", { type: "search", placeholder: "Filter runs", "aria-label": "Filter runs by name, program and verdict", oninput: fill });
    const compare = h("button", { type: "button", onclick: () => { location.search = address([...chosen]); } }, "Compare");
    const status = h("p", { role: "status", class: "dim" }, "loading");
    const body = h("tbody", {});
    const head = ["", "Run", "Started", "Program", "Steps", "State", "Diagnosis"].map((title) => h("th", { scope: "col" }, title));
    root.append(h("header", { class: "head" }, h("div", { class: "names" }, h("p", { class: "brand" }, "netvet"), h("h1", {}, "Runs")), h("div", { class: "tools" }, filter, compare)),
      h("main", { id: "main" }, status, h("div", { class: "scrolling runs", tabindex: "0", role: "region", "aria-label": "Runs" }, h("table", {}, h("thead", {}, h("tr", {}, head)), body))));
    function fill() {
      const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      const kept = runs.filter((run) => { const text = `${run.name} ${run.script} ${state(run)} ${run.verdict}`.toLowerCase(); return words.every((word) => text.includes(word)); });
      compare.disabled = chosen.size < 2 || chosen.size > MOST;
      compare.textContent = chosen.size > MOST ? `At most ${MOST}` : chosen.size ? `Compare ${chosen.size}` : "Compare";
      const focused = document.activeElement instanceof HTMLInputElement && body.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
      body.replaceChildren(...kept.map((run) => rowOf(run, chosen, fill)));
      if (focused) [...body.querySelectorAll("input")].find((box) => box.getAttribute("aria-label") === focused)?.focus();
      status.textContent = runs.length ? `${kept.length} of ${runs.length} runs` : "No runs yet: netvet run train.py makes one.";
    }
    async function look() {
      try {
        const told = await netvet.asked("runs");
        const text = JSON.stringify(told);
        if (text !== said) { [runs, said] = [told, text]; fill(); }
      } catch (error) { status.textContent = `The server does not answer (${error.message}).`; said = ""; }
      window.netvetReady = true;
      setTimeout(look, EVERY);
    }
    document.title = "Runs - netvet";
    return look();
  };

  /** The curves of other runs, drawn into the figures of one: {look(), over(page)}. */
  netvet.overlay = function (names) {
    const pages = new Map();
    function joined(figure, page) {
      if (figure.kind !== "lines" || !pages.size) return figure;
      const more = [...pages].flatMap(([name, other], number) => {
        const same = other.figures.find((one) => one.id === figure.id && one.kind === "lines");
        return same ? same.curves.map((curve) => ({ ...curve, name: `${name}: ${curve.name}`, role: ROLES[number % ROLES.length] })) : [];
      });
      return more.length ? { ...figure, curves: [...figure.curves.map((curve) => ({ ...curve, name: `${page.title}: ${curve.name}` })), ...more] } : figure;
    }
    const made = new Map(); // a figure that has not changed stays the same object, and is not drawn again
    return {
      async look() {
        for (const name of names) {
          try { pages.set(name, await netvet.asked(`run/${encodeURIComponent(name)}`)); } catch { pages.delete(name); }
        }
        made.clear();
      },
      over(page) {
        if (!names.length) return page;
        const figures = page.figures.map((figure) => {
          if (made.get(figure.id)?.from !== figure) made.set(figure.id, { from: figure, to: joined(figure, page) });
          return made.get(figure.id).to;
        });
        return { ...page, figures };
      },
    };
  };
})();
