// Colours of numbers: viridis (van der Walt and Smith, 2015; CC0), even to the eye and safe for the colour-blind.
"use strict";
(() => {
  // 16 colours at even distances, as matplotlib has them.
  const STOPS = [
    "440154", "481a6c", "472f7d", "414487", "39568c", "31688e", "2a788e", "23888e", "1f988b", "22a884", "35b779", "54c568", "7ad151", "a5db36", "d2e21b",
    "fde725",
  ].map((text) => [0, 2, 4].map((at) => parseInt(text.slice(at, at + 2), 16)));

  /** Red, green, blue of a share from 0 to 1. */
  netvet.viridis = function (share) {
    const place = Math.min(1, Math.max(0, share)) * (STOPS.length - 1);
    const [left, part] = [Math.min(STOPS.length - 2, Math.floor(place)), place - Math.min(STOPS.length - 2, Math.floor(place))];
    return STOPS[left].map((value, channel) => Math.round(value + (STOPS[left + 1][channel] - value) * part));
  };

  netvet.rgb = ([red, green, blue]) => `rgb(${red}, ${green}, ${blue})`;

  const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

  /** The colours between two that the style sheet names as #rrggbb: a function of the share. */
  netvet.ramp = function (from, to) {
    const [start, end] = [channels(netvet.colour(from)), channels(netvet.colour(to))];
    return (share) => start.map((value, channel) => Math.round(value + (end[channel] - value) * share));
  };

  /** Black or white, whichever is read more easily on a colour (relative luminance of WCAG 2.2). */
  netvet.inkOn = function (colour) {
    const linear = colour.map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.179 ? "#000000" : "#ffffff";
  };

  /** The loud pattern of what is not a finite number: stripes, so that it is not told by colour alone. */
  netvet.hatch = function (context) {
    const size = 8; // cells of one step are smaller: most of each must be in the loud colour
    const tile = document.createElement("canvas");
    tile.width = tile.height = size;
    const ink = tile.getContext("2d");
    ink.fillStyle = "#ff1493";
    ink.fillRect(0, 0, size, size);
    ink.strokeStyle = "#ffffff";
    ink.lineWidth = 1;
    for (const shift of [-size, 0, size]) { ink.beginPath(); ink.moveTo(shift, size); ink.lineTo(shift + size, 0); ink.stroke(); }
    return context.createPattern(tile, "repeat");
  };
})();
