// Figures of one kind, one for each parameter or layer, of which one is shown at a time.
"use strict";
(() => {
  const { h } = netvet;
  const shown = new Map(); // by subject: the name that was chosen last, here or at a row of a heat map

  /** Choose a name in all figures that have it. */
  netvet.chooseName = function (subject, name) {
    shown.set(subject, name);
    document.dispatchEvent(new CustomEvent("netvet:name", { detail: { subject, name } }));
  };

  const placeOf = (figure) => Math.max(0, figure.names.indexOf(shown.get(figure.subject)));
  const kindOf = (figure) => netvet.kinds[figure.figures[0].kind];

  netvet.kinds.choice = {
    draw(container, figure, context) {
      const select = h("select", { onchange: () => netvet.chooseName(figure.subject, figure.names[select.selectedIndex]) });
      const about = h("p", { class: "dim" });
      const place = h("div", {});
      let [inner, at] = [null, -1];
      const fill = () => select.replaceChildren(...figure.names.map((name) => h("option", {}, name)));
      function choose(next) {
        const member = figure.figures[next];
        select.selectedIndex = next;
        about.textContent = member.about;
        container.setAttribute("aria-label", `${figure.title}. ${netvet.kinds.choice.summary(figure)}`);
        if (inner && at === next) { inner.update(member); return; }
        if (inner) inner.destroy();
        place.replaceChildren();
        [inner, at] = [kindOf(figure).draw(place, member, context), next];
      }
      function chosen({ detail }) {
        if (detail.subject === figure.subject && figure.names.includes(detail.name)) choose(placeOf(figure));
      }
      document.addEventListener("netvet:name", chosen);
      const title = `${figure.subject[0].toUpperCase()}${figure.subject.slice(1)} `;
      container.replaceChildren(h("label", { class: "quantity-choice" }, title, select), about, place);
      fill();
      choose(placeOf(figure));
      return {
        update(next) { figure = next; fill(); choose(placeOf(figure)); },
        resize() { inner.resize(); },
        restyle() { inner.restyle(); },
        destroy() { document.removeEventListener("netvet:name", chosen); inner.destroy(); container.replaceChildren(); },
      };
    },
    summary(figure) {
      const at = placeOf(figure);
      return `${figure.names.length} to choose from; shown: ${figure.names[at]}, ${kindOf(figure).summary(figure.figures[at])}`;
    },
    table(figure) { return kindOf(figure).table(figure.figures[placeOf(figure)]); },
  };
})();
