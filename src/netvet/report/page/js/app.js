// The page: home with the verdict, and panels with figures; the address names what is shown.
"use strict";
(() => {
  const { h } = netvet;

  netvet.start = async function () {
    const page = await netvet.unpacked(document.getElementById("netvet-page").textContent);
    netvet.app(document.body, page);
    requestAnimationFrame(() => requestAnimationFrame(() => { window.netvetReady = true; }));
  };

  netvet.app = function (root, page) {
    const context = { marks: page.marks.map((mark) => ({ x: mark.step, label: mark.check, severity: mark.severity })), link: (figure) => `#${figure.panel}/${figure.id}` };
    const main = h("main", {});
    const frames = netvet.frames(page.figures, context);
    main.append(...frames.map((frame) => frame.element));
    root.append(h("header", {}, h("h1", {}, page.title)), main);
    const watcher = new IntersectionObserver((entries) => entries.forEach((entry) => {
      if (entry.isIntersecting) frames.find((frame) => frame.element === entry.target).show();
    }), { rootMargin: "200px" });
    frames.forEach((frame) => watcher.observe(frame.element));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => frames.forEach((frame) => frame.restyle()));
    new ResizeObserver(() => frames.forEach((frame) => frame.resize())).observe(main);
  };

  netvet.start();
})();
