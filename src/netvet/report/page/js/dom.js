// The one object of the page, and how elements are made: text is always text, never markup.
"use strict";
const netvet = { kinds: {} };

/** Make an element: h("a", {class: "x", href: "#y", onclick: f}, "text", child, [children]). */
netvet.h = function (tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
};

/** A number for people: 4 significant digits. */
netvet.shown = function (value) {
  if (value === null || value === undefined) return "\u2013";
  if (typeof value !== "number") return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e6 || size < 1e-3)) return value.toExponential(2);
  return Number.isInteger(value) ? value.toLocaleString("en") : String(Number(value.toPrecision(4)));
};

/** Bytes of a base64 text. */
netvet.bytes = function (text) {
  const characters = atob(text);
  const found = new Uint8Array(characters.length);
  for (let at = 0; at < found.length; at++) found[at] = characters.charCodeAt(at);
  return found;
};

/** Bytes as a base64 text. */
netvet.base64 = function (bytes) {
  const parts = [];
  for (let at = 0; at < bytes.length; at += 8192) parts.push(String.fromCharCode(...bytes.subarray(at, at + 8192)));
  return btoa(parts.join(""));
};

/** Object that was packed as compressed JSON. */
netvet.unpacked = async function (text) {
  const stream = new Blob([netvet.bytes(text.trim())]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
};

/** Value of a colour that the style sheet names. */
netvet.colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** Axis title with its unit; plain numbers have none. */
netvet.axisTitle = (axis) => (axis.unit && axis.unit !== "1" && !axis.label.includes(axis.unit) ? `${axis.label} [${axis.unit}]` : axis.label);
