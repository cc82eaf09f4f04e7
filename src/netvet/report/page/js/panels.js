// Panels as tabs, each with its figures, which are made when the panel is first shown and drawn when they come into view.
"use strict";
(() => {
  const { h } = netvet;

  /** A figure without its frame, for the home: {element, ...}. What cannot be drawn says so. */
  netvet.small = function (figure, context) {
    const kind = netvet.kinds[figure.kind];
    const box = h("div", { class: "drawing small", role: "img", "aria-label": figure.title });
    context.smalls.push({ element: box, figure, drawing: null, show() {
      if (this.drawing) return;
      try {
        this.drawing = kind.draw(box, this.figure, { ...context, small: true });
        box.setAttribute("aria-label", `${figure.title}. ${kind.summary(figure)}`);
      } catch (error) { failed(box, error); }
    } });
    return box;
  };

  function failed(box, error) {
    box.replaceChildren(h("p", { class: "empty" }, `This figure could not be drawn (${error.message}).`));
  }

  /** All names that a figure shows, for the filter. */
  function namesOf(figure) {
    const nodes = (figure.nodes || []).map((node) => `${node.id} ${node.label}`);
    const named = [...(figure.curves || []), ...(figure.series || []), ...(figure.clouds || [])].map((one) => one.name);
    const rows = (figure.rows || []).map((row) => (Array.isArray(row) ? row[0] : row));
    return [figure.title, figure.about, ...rows, ...named, ...nodes, ...(figure.categories || [])].join("\n").toLowerCase();
  }

  /** The checks whose proof a figure is, as links to what is said of them. */
  function proves(page, figure) {
    const told = new Set(page.home.verdicts.flatMap((one) => [one.check, ...one.symptoms.map((each) => each.check)]));
    const checks = Object.keys(page.pictures).filter((check) => told.has(check) && page.pictures[check].includes(figure.id));
    const cause = (check) => page.home.verdicts.find((one) => one.check === check || one.symptoms.some((each) => each.check === check)).check;
    const chip = (check) => h("a", { class: "chip", href: `#home/cause-${cause(check)}` }, check);
    return checks.length ? h("p", { class: "proves" }, "Shows: ", checks.map(chip)) : null;
  }

  function framed(figure, context) {
    const frame = netvet.framed(figure, context);
    const show = frame.show;
    frame.show = () => { try { show(); } catch (error) { failed(frame.element.querySelector(".drawing"), error); } };
    link(frame, figure, context);
    return frame;
  }

  /** Say which findings a figure shows, as they are now. */
  function link(frame, figure, context) {
    const name = `figure-${figure.id}`;
    const element = frame.element.id === name ? frame.element : frame.element.querySelector(`#${CSS.escape(name)}`); // one of a family
    const [old, now] = [element.querySelector(".proves"), proves(context.page, figure)];
    if (old && now && old.textContent === now.textContent) return;
    if (old) old.remove();
    if (now) element.querySelector("figcaption").append(now);
  }

  const OPEN = 2; // groups that have failed and are open at first

  /** Where a figure goes: into the panel itself, or what its group is folded into. */
  function place(section, group) {
    if (!group) return section;
    const groups = [...section.querySelectorAll("details.group")];
    const known = groups.find((one) => one.dataset.name === group.name);
    if (known) return known.lastElementChild;
    const failed = group.outcome === "failed" && groups.filter((one) => one.open).length < OPEN;
    const title = h("summary", {}, netvet.mark(group.outcome), h("span", {}, h("strong", {}, group.name), `: ${group.outcome}`,
      group.message ? h("span", { class: "dim" }, `; ${group.message}`) : null));
    section.append(h("details", { class: "group", "data-name": group.name, open: failed }, title, h("div", { class: "group-figures" })));
    return section.lastElementChild.lastElementChild;
  }

  /** One panel: {id, tab, section, frames, build(), filter(words), show(shown)}. */
  function panel(id, title, context, watcher) {
    const count = h("span", { class: "count" });
    const names = { role: "tab", id: `tab-${id}`, href: `#${id}`, "aria-controls": `panel-${id}`, "aria-selected": "false", tabindex: "-1" };
    const tab = h("a", names, title, count);
    const section = h("section", { role: "tabpanel", id: `panel-${id}`, "aria-labelledby": `tab-${id}`, tabindex: "-1", hidden: true });
    const empty = h("p", { class: "empty", hidden: true }, "No figure here has this in its title or names.");
    const made = {
      id, title, tab, section, frames: [], figures: [], words: [], built: false,
      build() {
        if (made.built) return;
        made.built = true;
        section.append(h("h2", {}, title), empty);
        add(made.figures);
        made.filter(made.words);
      },
      /** New figures, and what those that are there show now. */
      set(figures) {
        made.figures = figures;
        if (!made.built) return;
        const groups = netvet.families(figures).map((members) => members.map((one) => one.id).join());
        const gone = made.frames.filter((frame) => !groups.includes(frame.ids.join())); // a family that got a member is made anew
        gone.forEach((frame) => { frame.destroy(); frame.element.remove(); });
        section.querySelectorAll("details.group").forEach((one) => { if (!one.querySelector("figure")) one.remove(); });
        made.frames = made.frames.filter((frame) => !gone.includes(frame));
        const frameOf = (figure) => made.frames.find((frame) => frame.ids.includes(figure.id));
        figures.filter(frameOf).forEach((figure) => { frameOf(figure).update(figure); link(frameOf(figure), figure, context); });
        add(figures.filter((figure) => !frameOf(figure)));
        made.filter(made.words);
      },
      filter(words) {
        made.words = words;
        const kept = new Set(made.figures.filter((figure) => words.every((word) => namesOf(figure).includes(word))).map((figure) => figure.id));
        made.frames.forEach((frame) => { frame.element.hidden = !frame.ids.some((id) => kept.has(id)); });
        section.querySelectorAll("details.group").forEach((one) => {
          one.hidden = !one.querySelector("figure:not([hidden])");
          if (words.length && !one.hidden) one.open = true;
        });
        empty.hidden = kept.size > 0 || !made.figures.length;
        count.textContent = words.length ? ` ${kept.size}` : "";
        tab.classList.toggle("none", words.length > 0 && kept.size === 0);
        return kept.size;
      },
    };
    /** Frames of figures; those of one family are one, with a choice of the quantity. */
    function add(figures) {
      for (const frame of netvet.frames(figures, context, framed)) {
        made.frames.push(frame);
        place(section, figures.find((figure) => figure.id === frame.ids[0]).group).append(frame.element);
        watcher.observe(frame.element);
      }
    }
    return made;
  }

  /** A frame has come into view: from now on it is drawn, and kept up to date. */
  function seen(frame) {
    frame.show();
    if (frame.seen) return;
    frame.seen = true;
    document.dispatchEvent(new Event("netvet:panel"));
  }

  /** All panels: {tabs, sections, get(id), select(id), list}. */
  netvet.panels = function (context, chosen) {
    const panels = new Map();
    const watcher = new IntersectionObserver((entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
      for (const one of panels.values()) { const frame = one.frames.find((each) => each.element === entry.target); if (frame) seen(frame); }
    }), { rootMargin: "200px" });
    const list = () => [...panels.values()];
    const tabs = h("div", { role: "tablist", "aria-label": "Panels" });
    const sections = h("div", { class: "panels" });
    const has = (id, title) => {
      if (panels.has(id)) return;
      const made = panel(id, title, context, watcher);
      panels.set(id, made);
      tabs.append(made.tab);
      sections.append(made.section);
    };
    tabs.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const at = list().findIndex((one) => one.tab === document.activeElement);
      const to = event.key === "Home" ? 0 : event.key === "End" ? panels.size - 1 : step && (at + step + panels.size) % panels.size;
      if (to === undefined || at < 0) return;
      event.preventDefault();
      chosen(list()[to].id);
      list()[to].tab.focus();
    });
    return {
      tabs, sections, list, get: (id) => panels.get(id), has,
      select(id) {
        for (const one of panels.values()) {
          one.tab.setAttribute("aria-selected", String(one.id === id));
          one.tab.tabIndex = one.id === id ? 0 : -1;
          one.section.hidden = one.id !== id;
        }
        panels.get(id).build();
        panels.get(id).frames.forEach((frame) => frame.resize());
      },
    };
  };
})();
