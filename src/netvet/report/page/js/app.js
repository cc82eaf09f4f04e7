// The page: home with the verdict, and panels with figures; the address names what is shown.
"use strict";
(() => {
  const { h } = netvet;
  const PRINT_WIDTH = 680; // CSS pixels between the margins of an A4 or Letter page

  netvet.start = async function () {
    if ("live" in document.documentElement.dataset) { await netvet.live(document.body); return; }
    const page = await netvet.unpacked(document.getElementById("netvet-page").textContent);
    netvet.page = netvet.app(document.body, page);
    requestAnimationFrame(() => requestAnimationFrame(() => { window.netvetReady = true; }));
  };

  /** What an address asks for: the panel, and what to show in it. */
  function asked(hash) {
    const [panel, ...rest] = hash.replace(/^#/, "").split("/");
    try { return { panel: decodeURIComponent(panel), target: decodeURIComponent(rest.join("/")) }; } catch { return { panel: "", target: "" }; }
  }

  function marksOf(page) {
    return page.marks.map((mark) => ({ x: mark.step, label: mark.check, severity: mark.severity }));
  }

  function shortFacts(page) {
    const known = Object.fromEntries(page.home.facts);
    const told = (name) => (name === "Program" ? known[name] : `${name} ${known[name]}`);
    return ["Program", "Steps", "Samples", "Time"].filter((name) => known[name]).map(told).join(" \u00b7 ");
  }

  /** All panels open, light, as wide as paper; and back. */
  function printing(state) {
    let before = null;
    addEventListener("beforeprint", () => {
      before = { hidden: state.panels.list().map((one) => one.section.hidden), closed: [...document.querySelectorAll("details:not([open]):not(.as-table)")] };
      document.documentElement.classList.add("printing");
      document.documentElement.style.setProperty("--print-width", `${PRINT_WIDTH}px`);
      state.panels.list().forEach((one) => { one.section.hidden = false; one.build(); });
      before.closed.forEach((one) => { one.open = true; });
      state.frames().forEach((frame) => frame.show());
      state.theme.set("light");
      state.resize();
    });
    addEventListener("afterprint", () => {
      document.documentElement.classList.remove("printing");
      state.panels.list().forEach((one, number) => { one.section.hidden = before.hidden[number]; });
      before.closed.forEach((one) => { one.open = false; });
      state.theme.set(null);
      state.resize();
    });
  }

  /** The head of the page: name, filter, colours, keys. */
  function head(page, state, dialog) {
    const filter = h("input", { type: "search", placeholder: "Filter figures", "aria-label": "Filter figures by title and layer",
      oninput: () => state.filter(filter.value), onkeydown: (event) => {
        if (event.key === "Escape") { filter.value = ""; state.filter(""); filter.blur(); }
        if (event.key === "Enter") state.firstMatch();
      } });
    const facts = h("p", { class: "dim short-facts" }, shortFacts(page));
    const keys = h("button", { type: "button", onclick: () => dialog.showModal(), "aria-label": "List the keys" }, "?");
    const names = h("div", { class: "names" }, h("p", { class: "brand" }, "netvet"), h("h1", {}, page.title), facts);
    return { filter, facts, element: h("header", { class: "head" }, names, h("div", { class: "tools" }, filter, state.theme.element, keys)) };
  }

  /** Draw the page into an element; gives {update(page), go(address)}. */
  netvet.app = function (root, page) {
    const context = { marks: marksOf(page), link: (figure) => `#${figure.panel}/${figure.id}`, smalls: [], page };
    const status = h("p", { class: "hidden", role: "status" });
    const dialog = netvet.keyList();
    const state = { page, context, current: "home", words: [] };
    context.figures = () => state.page.figures;
    state.theme = netvet.theme(() => state.panels && state.restyle());
    state.panels = netvet.panels(context, (id) => state.go(`#${id}`));
    const main = h("main", { id: "main", tabindex: "-1" }, state.panels.sections);
    Object.assign(state, { root, main, status, dialog }, acting(state), moving(state));
    const top = head(page, state, dialog);
    state.top = top;
    const skip = (event) => { event.preventDefault(); event.stopPropagation(); main.focus(); };
    root.append(h("a", { class: "skip", href: "#main", onclick: skip }, "Skip to the content"), top.element,
      h("nav", { "aria-label": "Panels" }, state.panels.tabs), main, h("div", { role: "region", "aria-label": "Messages" }, status), dialog);
    state.panels.has("home", "Home");
    state.fill();
    listening(state);
    printing(state);
    state.go(location.hash, { push: false });
    return { update: (next) => state.update(next), go: (hash) => state.go(hash), shown: () => state.shown() };
  };

  /** Filling and refreshing. */
  function acting(state) {
    const { context } = state;
    return {
      frames: () => state.panels.list().flatMap((one) => one.frames),
      resize() { [...state.frames(), ...context.smalls.map((one) => one.drawing).filter(Boolean)].forEach((one) => one.resize()); },
      restyle() { [...state.frames(), ...context.smalls.map((one) => one.drawing).filter(Boolean)].forEach((one) => one.restyle()); },
      fill() {
        const home = state.panels.get("home");
        const open = new Map([...home.section.querySelectorAll("details[data-key]")].map((one) => [one.dataset.key, one.open]));
        context.smalls.splice(0).forEach((one) => one.drawing && one.drawing.destroy());
        home.built = true;
        home.section.replaceChildren(...netvet.home(state.page, context).filter(Boolean));
        home.section.querySelectorAll("details[data-key]").forEach((one) => { if (open.has(one.dataset.key)) one.open = open.get(one.dataset.key); });
        state.fillPanels();
        if (state.current === "home") context.smalls.forEach((one) => one.show());
        document.dispatchEvent(new Event("netvet:home"));
      },
      fillPanels() {
        for (const { id, title } of state.page.panels) {
          state.panels.has(id, title);
          state.panels.get(id).set(state.page.figures.filter((figure) => figure.panel === id));
        }
      },
      /** Ids of the figures that are looked at. */
      shown() {
        if (state.current === "home") return context.smalls.map((one) => one.figure.id);
        return state.panels.get(state.current).frames.filter((frame) => frame.seen).map((frame) => frame.current());
      },
      /** Show another state of the same run. */
      update(next) {
        const same = JSON.stringify(next.home) === JSON.stringify(state.page.home);
        state.page = context.page = next;
        context.marks = marksOf(next);
        state.top.facts.textContent = shortFacts(next);
        if (!same || !context.smalls.length) { state.fill(); state.select(state.current); return; }
        state.fillPanels();
        for (const one of context.smalls) {
          const now = next.figures.find((figure) => figure.id === one.figure.id);
          if (!now || now === one.figure) continue;
          one.figure = now;
          if (one.drawing) one.drawing.update(now);
        }
      },
      filter(text) {
        state.words = text.toLowerCase().split(/\s+/).filter(Boolean);
        const counts = state.panels.list().filter((one) => one.figures.length).map((one) => one.filter(state.words));
        const found = counts.reduce((sum, count) => sum + count, 0);
        state.status.textContent = state.words.length ? `${found} of ${state.page.figures.length} figures` : "";
      },
      firstMatch() {
        const first = state.panels.list().find((one) => one.figures.length && one.filter(state.words));
        if (first) state.go(`#${first.id}`);
      },
    };
  }

  /** Going from one place of the page to another. */
  function moving(state) {
    return {
      select(id) {
        state.current = id;
        state.panels.select(id);
        document.dispatchEvent(new Event("netvet:panel"));
        if (id === "home") state.context.smalls.forEach((one) => { one.show(); if (one.drawing) one.drawing.resize(); });
      },
      /** Show what an address names; what is unknown is the home. */
      go(hash, { push = true } = {}) {
        const { panel, target } = asked(hash);
        const known = state.panels.get(panel) ? panel : "home";
        if (push) { try { history.pushState(null, "", hash); } catch { /* inside a frame there is no address */ } }
        state.select(known);
        if (target) state.reveal(known, target); else if (push) scrollTo({ top: 0 });
      },
      reveal(panel, target) {
        const { frames } = state.panels.get(panel);
        const at = frames.findIndex((frame) => frame.ids.includes(target));
        if (at >= 0) { frames[at].element.hidden = false; frames[at].choose(target); } // whatever the filter says
        frames.slice(0, at + 1).forEach((frame) => frame.show()); // what is above must not grow later
        const element = document.getElementById(at >= 0 ? `figure-${target}` : target);
        if (!element || !state.main.contains(element)) return;
        for (let around = element.closest("details"); around; around = around.parentElement.closest("details")) around.open = true;
        if (at >= 0) frames[at].resize(); // it may have been folded when it was drawn
        element.scrollIntoView({ block: "start" });
        element.focus({ preventScroll: true });
      },
      move(step) {
        const panel = state.panels.get(state.current);
        const figures = panel.frames.map((frame) => frame.element).filter((one) => !one.hidden && !one.closest("details:not([open])"));
        const stops = state.current === "home" ? [...panel.section.querySelectorAll("[id^=cause-]")] : figures;
        const at = stops.findIndex((one) => one.contains(document.activeElement));
        const to = stops[at < 0 ? (step > 0 ? 0 : stops.length - 1) : Math.min(Math.max(at + step, 0), stops.length - 1)];
        if (to) { to.scrollIntoView({ block: "start" }); to.focus({ preventScroll: true }); }
      },
    };
  }

  function listening(state) {
    document.addEventListener("click", (event) => {
      const link = event.target instanceof Element && event.target.closest('a[href^="#"]');
      if (!link || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault(); // in the frame of a notebook the browser would load the notebook itself
      state.go(link.getAttribute("href"));
    });
    addEventListener("popstate", () => state.go(location.hash, { push: false }));
    netvet.listen({
      panel: (number) => { const one = state.panels.list()[number]; if (one) { state.go(`#${one.id}`); one.tab.focus(); } },
      move: state.move, filter: () => state.top.filter.focus(), help: () => state.dialog.showModal(),
    });
    new ResizeObserver(() => state.resize()).observe(state.main);
  }

  netvet.start();
})();
