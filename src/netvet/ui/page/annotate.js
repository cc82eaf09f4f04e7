"use strict";
// Foreign text (samples, names of classes) is only ever put in by textContent.
const MOST_BUTTONS = 60;  // of classes that are found by typing
const SMALL = 128;  // pixels: smaller pictures are shown larger, with their pixels

const find = (id) => document.getElementById(id);
let state = null;
let seenAt = null;  // when the sample came to sight, in milliseconds; null before
let busy = false;

function make(tag, text, parent) {
  const node = document.createElement(tag);
  if (text !== null) node.textContent = text;
  if (parent) parent.append(node);
  return node;
}

function complain(text) {
  find("message").textContent = text;
  find("message").hidden = !text;
}

async function call(path, body) {
  const sent = body === undefined ? {} : {
    method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body),
  };
  let response;
  try {
    response = await fetch(path, sent);
  } catch {
    throw new Error("netvet has ended. All answers are saved; start it again to go on.");
  }
  const told = await response.json();
  if (!response.ok && response.status !== 409) throw new Error(told.error || "this went wrong");
  return told;
}

async function change(path, body) {
  if (busy) return;
  busy = true;
  try {
    show(await call(path, body));
    complain(state.problem || "");
  } catch (error) {
    complain(error.message);
  } finally {
    busy = false;
  }
}

function answer(choice) {
  if (!state || state.finished || (seenAt === null && choice !== null)) return;
  const seconds = seenAt === null ? 0 : (performance.now() - seenAt) / 1000;
  change("answer", {position: state.position, choice, seconds});
}

const undo = () => change("undo", {});
const skip = () => answer(null);

function show(told) {
  state = told;
  find("data").textContent = `${told.data} · ${told.annotator}`;
  find("progress").textContent = `${told.position} of ${told.total}`;
  find("bar").value = told.total ? told.position / told.total : 1;
  find("asking").hidden = told.finished;
  find("finished").hidden = !told.finished;
  if (told.finished) return showEnd(told);
  find("typed").hidden = told.keys !== null;
  find("undo-key").textContent = told.keys ? "u" : "Backspace";
  find("skip-key").textContent = told.keys ? "s" : "Esc";
  find("filter").value = "";
  if (!told.keys) find("filter").focus();
  showClasses();
  showSample(told);
}

function offered() {
  const typed = find("filter").value.trim().toLowerCase();
  const all = state.classes.map((name, number) => ({name, number}));
  if (state.keys) return all;
  const begins = all.filter((one) => one.name.toLowerCase().startsWith(typed));
  const holds = all.filter((one) => !begins.includes(one) && one.name.toLowerCase().includes(typed));
  return [...begins, ...holds];
}

function showClasses() {
  const box = find("classes");
  box.replaceChildren();
  for (const {name, number} of offered().slice(0, MOST_BUTTONS)) {
    const button = make("button", null, box);
    button.type = "button";
    if (state.keys) make("kbd", state.keys[number], button);
    button.append(name);
    button.addEventListener("click", () => answer(number));
  }
}

async function showSample(told) {
  const box = find("sample");
  box.replaceChildren();
  seenAt = null;
  if (told.problem) return;
  const address = `sample/${told.position}`;
  const seen = () => { if (state === told) seenAt = performance.now(); };
  if (told.form === "picture") {
    const picture = make("img", null, box);
    picture.alt = "the sample";
    picture.addEventListener("load", () => {
      picture.classList.toggle("small", Math.max(picture.naturalWidth, picture.naturalHeight) <= SMALL);
      seen();
    });
    picture.addEventListener("error", () => complain("the picture cannot be shown; skip it"));
    picture.src = address;
  } else if (told.form === "sound") {
    const player = make("audio", null, box);
    player.controls = true;
    player.autoplay = true;
    player.addEventListener("loadeddata", seen);
    player.addEventListener("error", () => complain("the sound cannot be played; skip it"));
    player.src = address;
  } else {
    const response = await fetch(address);
    if (state !== told) return;
    if (told.form === "table") showTable(box, await response.json());
    else make("pre", await response.text(), box);
    seen();
  }
}

function showTable(box, rows) {
  const table = make("table", null, make("div", null, box));
  table.parentNode.className = "scrolling";
  for (const [name, value] of rows) {
    const row = make("tr", null, table);
    make("th", name, row).scope = "row";
    make("td", value, row);
  }
}

function showEnd(told) {
  const base = told.baseline;
  const percent = (share) => `${(100 * share).toFixed(1)}%`;
  find("accuracy").textContent = base
    ? `${percent(base.accuracy)} as the data say (${percent(base.low)} to ${percent(base.high)})`
    : "No sample was answered.";
  find("lines").replaceChildren(...told.lines.map((line) => make("li", line, null)));
  const box = find("confusion");
  box.replaceChildren();
  if (!base || told.classes.length > 30) return;
  const table = make("table", null, box);
  const head = make("tr", null, table);
  make("th", "in the data \\ answered", head);
  for (const name of told.classes) make("th", name, head).scope = "col";
  base.confusion.forEach((counts, i) => {
    const row = make("tr", null, table);
    make("th", told.classes[i], row).scope = "row";
    counts.forEach((count, j) => {
      const cell = make("td", count || "", row);
      if (count) cell.className = i === j ? "right" : "wrong";
    });
  });
}

function pressed(event) {
  if (!state || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
  const key = event.key;
  if (state.finished) {
    if (key === "u") undo();
    return;
  }
  if (!state.keys) {
    const empty = find("filter").value === "";
    const first = offered()[0];
    const act = {
      Escape: skip,
      Backspace: empty ? undo : null,
      Enter: !empty && first && event.target === find("filter") ? () => answer(first.number) : null,
    }[key];
    if (!act) return;
    event.preventDefault();
    act();
    return;
  }
  const letter = key.toLowerCase();
  const number = state.keys.indexOf(letter);
  const act = letter === "u" ? undo : letter === "s" ? skip : number >= 0 ? () => answer(number) : null;
  if (!act) return;
  event.preventDefault();
  act();
}

document.addEventListener("keydown", pressed);
find("filter").addEventListener("input", showClasses);
find("undo").addEventListener("click", undo);
find("undo-last").addEventListener("click", undo);
find("skip").addEventListener("click", skip);
call("state").then(show).then(() => complain(state.problem || ""), (error) => complain(error.message));
