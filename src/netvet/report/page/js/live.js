// The live page: asks for a run, follows it as it grows, and says when it cannot.
"use strict";
(() => {
  const { h } = netvet;
  const COLUMNS = ["x", "y", "low", "high"];
  const COMPARED_EVERY = 10_000; // ms between two looks at the runs that are drawn beside the one that is followed

  /** The answer to a question to the server; an error says what the server said. */
  netvet.asked = async function (path, body) {
    const sent = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    const response = await fetch(path, sent);
    const told = await response.json().catch(() => ({ error: `${response.status} ${response.statusText}` }));
    if (!response.ok || told.error) throw new Error(told.error || `${response.status} ${response.statusText}`);
    return told;
  };

  /** A figure after what the server has told of it. */
  netvet.grown = function (figure, told) {
    if (told.whole) return told.whole;
    if (told.curves) {
      const curves = figure.curves.map((curve, number) => {
        const { keep, ...more } = told.curves[number];
        return { ...curve, ...Object.fromEntries(COLUMNS.filter((name) => name in more).map((name) => [name, [...curve[name].slice(0, keep), ...more[name]]])) };
      });
      return { ...figure, curves };
    }
    const before = netvet.bytes(figure.cells).subarray(0, told.keep * figure.rows.length);
    const after = netvet.bytes(told.cells);
    const cells = new Uint8Array(before.length + after.length);
    cells.set(before);
    cells.set(after, before.length);
    return { ...figure, columns: [...figure.columns.slice(0, told.keep), ...told.columns], cells: netvet.base64(cells) };
  };

  /** The page after an event. */
  netvet.changed = function (page, { figures = [], order, ...head }) {
    const known = new Map(page.figures.map((figure) => [figure.id, figure]));
    for (const told of figures) known.set(told.id, netvet.grown(known.get(told.id), told));
    const ids = order || page.figures.map((figure) => figure.id);
    return { ...page, ...head, figures: ids.map((id) => known.get(id)).filter(Boolean) };
  };

  function stateOf(page) {
    const { ended } = page.view.run;
    if (ended) return [`ended: ${ended === "ok" ? "at its end" : ended}`, ""];
    const minutes = page.quiet || 0;
    return minutes ? [`nothing new for ${minutes} min: killed, or busy with something long`, "tone-warning"] : ["live", ""];
  }

  /** The line at the top: back to all runs, and how fresh the page is. */
  function bar(others) {
    const fresh = h("span", { role: "status", class: "fresh" }, "loading");
    const compared = others.map((name) => h("a", { class: "chip", href: `?run=${encodeURIComponent(name)}` }, `beside ${name}`));
    const element = h("div", { class: "bar" }, h("a", { href: "./" }, "\u2190 All runs"), fresh, compared);
    return { element, say(text, tone = "") { if (fresh.textContent !== text) fresh.textContent = text; fresh.className = `fresh ${tone}`; } };
  }

  /** Start: the run that the address names, or the list of all. */
  netvet.live = async function (root) {
    const asked = new URLSearchParams(location.search);
    let name = asked.get("run");
    if (!name) return netvet.runs(root);
    const top = bar(asked.getAll("with"));
    root.append(top.element);
    for (;;) {
      try {
        if (name === "newest") name = (await netvet.asked("runs"))[0]?.name || name;
        const page = await netvet.asked(`run/${encodeURIComponent(name)}`);
        return follow(root, name, page, top, asked.getAll("with"));
      } catch (error) {
        if (name !== "newest") {
          top.say(`This run cannot be shown: ${error.message}`, "tone-warning");
          window.netvetReady = true;
          return null;
        }
        top.say(`waiting: ${error.message}`, "tone-warning");
        await new Promise((again) => setTimeout(again, 1000));
      }
    }
  };

  function follow(root, name, first, top, others) {
    let [page, source, shown] = [first, null, ""];
    const overlay = netvet.overlay(others);
    const app = netvet.app(root, overlay.over(page));
    const draw = () => app.update(overlay.over(page));
    const ready = () => { window.netvetReady = true; };
    document.title = `${name} - netvet`;
    netvet.acting(root, name, first.view.data !== null);
    function listen() {
      const ids = app.shown().join(",");
      if (source && ids === shown) return;
      if (source) source.close();
      shown = ids;
      source = new EventSource(`follow/${encodeURIComponent(name)}?show=${encodeURIComponent(ids)}`);
      source.addEventListener("message", (event) => {
        const news = JSON.parse(event.data);
        if (news.gone) {
          source.close();
          top.say(`This run cannot be read any more; what was seen last stays here. ${news.gone}`, "tone-warning");
          return;
        }
        page = netvet.changed(page, news);
        draw();
        top.say(...stateOf(page));
        listen();
        requestAnimationFrame(ready);
      });
      source.addEventListener("error", () => top.say("The server does not answer; what was seen last stays here.", "tone-warning"));
    }
    document.addEventListener("netvet:panel", listen);
    if (others.length) setInterval(() => overlay.look().then(draw), COMPARED_EVERY);
    overlay.look().then(draw);
    listen();
  }

})();
