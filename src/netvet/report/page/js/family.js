// Figures of one family are offered as one, with a choice of the quantity.
"use strict";
(() => {
  const { h } = netvet;

  /** Figures in order, those of one family together where the first of them is. */
  netvet.families = function (figures) {
    const groups = new Map();
    for (const figure of figures) {
      const key = figure.family ? `${figure.panel || ""} ${figure.kind} ${figure.family}` : figure;
      groups.set(key, [...(groups.get(key) || []), figure]);
    }
    return [...groups.values()];
  };

  /** A frame for every family: {element, ids, choose(id), show, update, resize, restyle, destroy}. */
  netvet.frames = (figures, context) => netvet.families(figures).map((members) => {
    if (members.length > 1) return family(members, context);
    const frame = netvet.framed(members[0], context);
    return Object.assign(frame, { ids: [frame.id], choose() {} });
  });

  function family(members, context) {
    const frames = members.map((figure) => netvet.framed(figure, context));
    const select = h("select", {}, members.map((figure) => h("option", { value: figure.id }, figure.title)));
    const element = h("div", { class: "family" }, h("label", { class: "quantity-choice" }, "Quantity ", select), frames.map((frame) => frame.element));
    let current = frames[0];
    function choose(id) {
      const found = frames.find((frame) => frame.id === id);
      if (!found) return;
      current = found;
      select.value = id;
      frames.forEach((frame) => { frame.element.hidden = frame !== current; });
    }
    function chosen() {
      choose(select.value);
      current.show();
      current.resize();
      current.restyle();
    }
    select.addEventListener("change", chosen);
    choose(frames[0].id);
    const all = (action) => () => frames.forEach((frame) => frame[action]());
    return {
      element, id: frames[0].id, ids: members.map((figure) => figure.id), choose,
      show() { current.show(); },
      update(next) { const found = frames.find((frame) => frame.id === next.id); if (found) found.update(next); },
      resize() { current.resize(); },
      restyle: all("restyle"),
      destroy: all("destroy"),
    };
  }
})();
