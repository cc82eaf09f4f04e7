// Scales, ticks and axes that are drawn as SVG, so that the style sheet colours them in both themes.
"use strict";
(() => {
  const SPACE = "http://www.w3.org/2000/svg";
  const measuring = document.createElement("canvas").getContext("2d");

  /** Make an SVG element: the same as h, and text is text here too. */
  netvet.svg = function (tag, properties, ...children) {
    const element = document.createElementNS(SPACE, tag);
    for (const [name, value] of Object.entries(properties || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, String(value));
    }
    element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
    return element;
  };

  /** Width of a text in CSS pixels. */
  netvet.textWidth = function (text, size = 12) {
    measuring.font = `${size}px system-ui, sans-serif`;
    return measuring.measureText(text).width;
  };

  /** A text that fits: its middle is left out, since module names tell themselves apart at both ends. */
  netvet.fitted = function (text, width, size = 12) {
    if (netvet.textWidth(text, size) <= width) return text;
    let [low, high] = [0, text.length];
    const cut = (kept) => `${text.slice(0, Math.floor(kept / 2))}\u2026${text.slice(text.length - Math.ceil(kept / 2))}`;
    while (low + 1 < high) {
      const middle = (low + high) >> 1;
      if (netvet.textWidth(cut(middle), size) <= width) low = middle; else high = middle;
    }
    return cut(Math.max(1, low));
  };

  /** Round numbers between two, about as many as wanted: 1, 2 or 5 times a power of ten; of a logarithm, powers of ten. */
  netvet.ticks = function (low, high, wanted, log = false) {
    if (log) return logTicks(low, high, wanted);
    if (!(high > low)) return [low];
    const rough = (high - low) / Math.max(1, wanted);
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
    const found = [];
    for (let number = Math.ceil(low / step - 1e-9); number * step <= high + step * 1e-9; number++) found.push(Number((number * step).toPrecision(12)));
    return found;
  };

  function logTicks(low, high, wanted) {
    const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
    if (last - first < 1) return netvet.ticks(low, high, wanted).filter((tick) => tick > 0);
    if (last - first < 2) return [first - 1, first, first + 1, first + 2].flatMap((power) => [1, 2, 5].map((factor) => Number(`${factor}e${power}`)))
      .filter((tick) => tick >= low && tick <= high);
    const stride = Math.max(1, Math.ceil((last - first + 1) / Math.max(2, wanted)));
    const found = [];
    for (let power = first; power <= last; power += stride) found.push(10 ** power);
    return found;
  }

  const SUPERSCRIPT = "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079";

  /** A tick for people: powers of ten as such where they are large or small, thousands as k. */
  netvet.tick = function (value) {
    const size = Math.abs(value);
    const power = Math.round(Math.log10(size));
    if (size !== 0 && (size >= 1e6 || size < 1e-3)) {
      const raised = (exponent) => `10${exponent < 0 ? "\u207b" : ""}${String(Math.abs(exponent)).split("").map((digit) => SUPERSCRIPT[digit]).join("")}`;
      if (Math.abs(size / 10 ** power - 1) < 1e-6) return `${value < 0 ? "\u2212" : ""}${raised(power)}`;
      const whole = Math.floor(Math.log10(size) + 1e-9);
      return `${Number((value / 10 ** whole).toPrecision(3))}\u00b7${raised(whole)}`;
    }
    if (size >= 10000) return `${Number((value / 1000).toPrecision(6))}k`;
    return String(Number(value.toPrecision(6)));
  };

  /** Smallest and largest of the numbers, a little wider where they are equal; null where there is none. */
  netvet.extent = function (values, log = false) {
    let [low, high] = [Infinity, -Infinity];
    for (const value of values) {
      if (value === null || value === undefined || !Number.isFinite(value) || (log && value <= 0)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    if (low > high) return null;
    if (low < high) return [low, high];
    if (log) return [low / 2, high * 2];
    return low === 0 ? [-1, 1] : [low - Math.abs(low) / 2, high + Math.abs(high) / 2];
  };

  /** A scale from values to pixels and back. */
  netvet.scale = function (low, high, from, to, log = false) {
    const forward = log ? Math.log : (value) => value;
    const back = log ? Math.exp : (value) => value;
    const [start, size] = [forward(low), forward(high) - forward(low) || 1];
    return {
      low, high, log,
      at: (value) => from + ((forward(value) - start) / size) * (to - from),
      value: (pixel) => back(start + ((pixel - from) / (to - from)) * size),
      ticks: (wanted) => netvet.ticks(low, high, wanted, log),
    };
  };

  /** Axis under a plot: ticks that do not touch each other, and the title with its unit. */
  netvet.axisBelow = function (scale, axis, box, labels = null) {
    const texts = labels || scale.ticks(Math.max(2, box.width / 80)).map((value) => ({ at: scale.at(value), text: netvet.tick(value) }));
    let free = -Infinity;
    const shownTexts = texts.filter(({ at, text }) => {
      const half = netvet.textWidth(text, 12) / 2;
      if (at - half < free) return false;
      free = at + half + 8;
      return true;
    });
    return netvet.svg("g", { class: "axis" },
      texts.map(({ at }) => netvet.svg("line", { x1: at, x2: at, y1: box.top + box.height, y2: box.top + box.height + 4 })),
      shownTexts.map(({ at, text }) => netvet.svg("text",
        { x: Math.min(at, box.left + box.width + 8 - netvet.textWidth(text) / 2), y: box.top + box.height + 17, "text-anchor": "middle" }, text)),
      netvet.svg("text", { class: "axis-title", x: box.left + box.width / 2, y: box.top + box.height + 36, "text-anchor": "middle" }, netvet.axisTitle(axis)));
  };

  /** Axis left of a plot, with lines across. */
  netvet.axisLeft = function (scale, axis, box) {
    const values = scale.ticks(Math.max(2, box.height / 45));
    const middle = box.top + box.height / 2;
    return netvet.svg("g", { class: "axis" },
      values.map((value) => netvet.svg("line", { class: "grid", x1: box.left, x2: box.left + box.width, y1: scale.at(value), y2: scale.at(value) })),
      values.map((value) => netvet.svg("text", { x: box.left - 6, y: scale.at(value) + 4, "text-anchor": "end" }, netvet.tick(value))),
      netvet.svg("text", { class: "axis-title", x: 12, y: middle, transform: `rotate(-90 12 ${middle})`, "text-anchor": "middle" },
        netvet.fitted(netvet.axisTitle(axis), box.height + 20)));
  };

  let made = 0;
  /** An id for a pattern or marker that no other drawing of the page has: one in a hidden drawing could not be used. */
  netvet.unique = (name) => `${name}-${(made += 1)}`;

  /** What an empty figure says. */
  netvet.said = (container, text) => container.replaceChildren(netvet.h("p", { class: "nothing" }, text));

  const REACHED = "a, button, input, select, [tabindex]";

  /** Make the content of a container anew; what had the focus has it again, and what was scrolled stays where it was. */
  netvet.remade = function (container, make) {
    const reached = [...container.querySelectorAll(REACHED)].indexOf(document.activeElement);
    const scrolled = container.querySelector(".matrix-box, .graph-box, .scrolling");
    const place = scrolled ? [scrolled.scrollLeft, scrolled.scrollTop] : null;
    container.setAttribute("role", "group"); // it has parts that can be chosen, which `img` would hide
    make();
    const next = container.querySelector(".matrix-box, .graph-box, .scrolling");
    if (next && place && (place[0] || place[1])) [next.scrollLeft, next.scrollTop] = place;
    const again = reached < 0 ? null : container.querySelectorAll(REACHED)[reached];
    if (again) again.focus({ preventScroll: true });
  };

  /** A drawing that is made anew whenever its data, its width or the theme changes. */
  netvet.redrawn = function (container, figure, make) {
    let drawn = 0;
    const draw = () => { drawn = container.clientWidth; netvet.remade(container, () => make(figure, drawn || 600)); };
    draw();
    return {
      update(next) { figure = next; draw(); },
      resize() { if (container.clientWidth && container.clientWidth !== drawn) draw(); },
      restyle: draw,
      destroy() { container.replaceChildren(); },
    };
  };
})();
