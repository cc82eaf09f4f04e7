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
  netvet.frames = (figures, context, frameOf = netvet.framed) => netvet.families(figures).map((members) => {
    const frames = members.map((figure) => frameOf(figure, context));
    return members.length > 1 ? together(members, frames) : Object.assign(frames[0], { ids: [members[0].id], current: () => members[0].id, choose() {} });
  });

  /** Frames of which one is seen at a time. */
  function together(members, frames) {
    const select = h("select", { id: netvet.unique("quantity") }, members.map((figure) => h("option", { value: figure.id }, figure.title)));
    const element = h("div", { class: "family" }, h("label", { class: "quantity-choice", for: select.id }, "Quantity ", select),
      frames.map((frame) => frame.element));
    let current = frames[0];
    function choose(id) {
      current = frames.find((frame) => frame.id === id) || current;
      select.value = current.id;
      frames.forEach((frame) => { frame.element.hidden = frame !== current; });
    }
    function chosen() {
      choose(select.value);
      current.show();
      current.resize();
      current.restyle(); // the row that was chosen in another quantity is shown in this one
      document.dispatchEvent(new Event("netvet:panel"));
    }
    select.addEventListener("change", chosen);
    choose(frames[0].id);
    return {
      element, id: frames[0].id, ids: frames.map((frame) => frame.id), current: () => current.id, choose,
      show() { current.show(); },
      update(next) { frames.filter((frame) => frame.id === next.id).forEach((frame) => frame.update(next)); },
      resize() { current.resize(); },
      restyle() { frames.forEach((frame) => frame.restyle()); },
      destroy() { frames.forEach((frame) => frame.destroy()); },
    };
  }
})();
