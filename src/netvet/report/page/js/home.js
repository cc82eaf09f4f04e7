// Home: the verdict on top with its proof, what follows from it, and where on the road the run stands.
"use strict";
(() => {
  const { h, command, mark, sourceLine, folded, words } = netvet;
  const NAMES = 6; // of checks that are named at once
  const PLACES = 3; // that are shown at once; the rest is folded

  const row = (label, ...content) => (content.some((one) => one && one.length !== 0) ? [h("dt", {}, label), h("dd", {}, content)] : []);

  function finding(one) {
    return h("li", {}, mark(one.severity), h("span", {}, h("strong", { class: "check" }, one.check), ": ", one.message,
      one.place ? h("span", { class: "dim" }, " (", h("code", {}, one.place), ")") : null,
      one.allowed !== null ? h("span", { class: "dim" }, ` - allowed: ${one.allowed}`) : null));
  }

  const findings = (list) => h("ul", { class: "findings" }, list.map(finding));

  function proof(verdict) {
    const [first, ...others] = verdict.proof;
    const more = others.length ? folded(`proof-${verdict.check}`, `and ${others.length} more`, h("ul", {}, others.map((text) => h("li", {}, text)))) : null;
    return [h("p", {}, first), more];
  }

  function places(verdict) {
    const [shown, rest] = [verdict.places.slice(0, PLACES), verdict.places.slice(PLACES)];
    const more = rest.length ? folded(`places-${verdict.check}`, `and ${rest.length} more places`, rest.map(sourceLine)) : null;
    return [...shown.map(sourceLine), more];
  }

  /** Names of checks: a few at once, many folded. */
  function names(key, text) {
    const list = text.split(", ");
    return text && list.length > NAMES ? folded(key, `${list.length} causes that were looked for and not seen`, h("p", {}, text)) : text;
  }

  /** Reasons why causes could not be looked for, after those: a few at once, many folded. */
  function open(key, text) {
    const list = text.split("; ");
    const count = list.reduce((sum, one) => sum + one.split(" (")[0].split(", ").length, 0);
    return list.length > PLACES || count > NAMES ? folded(key, `${count} causes that could not be looked for`, h("ul", {}, list.map((one) => h("li", {}, one)))) : text;
  }

  /** What is known of a cause, as labelled rows. */
  function told(verdict) {
    return h("dl", { class: "told" },
      row(verdict.undetermined ? "Seen" : "Proof", ...proof(verdict)),
      row("Measured", verdict.measured),
      verdict.places.length ? row("Place", ...places(verdict)) : [],
      row("Change", verdict.change && h("p", { class: "change" }, verdict.change)),
      row("Prove it", verdict.prove && command(verdict.prove)),
      row("Ruled out", names(`out-${verdict.check}`, verdict.ruled_out)),
      row("Still open", open(`open-${verdict.check}`, verdict.open)),
      row("Find out", verdict.find_out && command(verdict.find_out)));
  }

  function symptoms(verdict) {
    const count = verdict.symptoms.length;
    if (!count) return null;
    const title = `Explains ${count} ${count === 1 ? "symptom" : "symptoms"}: ${[...new Set(verdict.symptoms.map((one) => one.check))].join(", ")}`;
    return folded(`symptoms-${verdict.check}`, title, findings(verdict.symptoms));
  }

  /** The figures that show a cause; else those that show what it led to. */
  function picturesOf(page, verdict) {
    const own = page.pictures[verdict.check] || [];
    const ids = own.length ? own : verdict.symptoms.flatMap((one) => page.pictures[one.check] || []);
    return { own: own.length > 0, figures: [...new Set(ids)].map((id) => page.figures.find((figure) => figure.id === id)).filter(Boolean) };
  }

  /** The picture beside the verdict, or beside what was noticed; where there is none, how the training went. */
  function picture(page, verdict, context) {
    const { own, figures } = picturesOf(page, verdict || { check: "", symptoms: page.home.beside.flatMap((group) => group.findings) });
    const [first, ...others] = figures.length ? figures : page.figures.filter((figure) => figure.panel === "training").slice(0, 1);
    if (!first) return null;
    const words = own ? "The picture: " : !figures.length ? "How it went: " : verdict ? "What it led to: " : "What was noticed: ";
    const link = (figure) => h("a", { href: context.link(figure) }, figure.title);
    return h("figure", { class: "proof-figure" },
      h("figcaption", {}, words, link(first)), netvet.small(first, { ...context, focus: verdict ? verdict.check : "" }),
      others.length ? h("p", { class: "dim" }, "See also: ", others.flatMap((one, number) => [number ? ", " : "", link(one)])) : null);
  }

  function headline(home) {
    const last = home.headline[home.headline.length - 1];
    return home.headline.map((one) => (one === last
      ? h("h2", { class: `headline tone-${one.tone}` }, mark(one.tone), h("span", {}, one.text))
      : h("p", { class: `ending tone-${one.tone}` }, mark(one.tone), h("span", {}, one.text))));
  }

  /** What a report without a verdict says beneath its headline: what else was noticed. */
  function quiet(home) {
    const groups = home.beside.map((group) => [h("h3", {}, `${group.title} (${group.findings.length})`), findings(group.findings)]);
    const looked = home.stages.length ? "What was looked at is listed below, stage by stage."
      : "No check had anything to look at; the reasons are listed below.";
    return [h("p", {}, looked), h("div", { class: "noticed" }, groups)];
  }

  /** The verdict: one card, the first thing that one sees. */
  function verdict(page, context) {
    const first = page.home.verdicts[0];
    const tone = first ? first.severity : page.home.headline[page.home.headline.length - 1].tone;
    const about = first && h("p", { class: "about" }, h("strong", { class: "check" }, first.check), ` \u00b7 ${first.severity}, ${first.sureness}`);
    const shown = picture(page, first, context);
    const words = first ? [told(first), symptoms(first)] : quiet(page.home);
    return h("section", { class: `card verdict edge-${tone}`, "aria-label": "Verdict", id: first ? `cause-${first.check}` : "verdict", tabindex: "-1" },
      headline(page.home), about, h("div", { class: shown ? "beside" : "" }, h("div", {}, words), shown));
  }

  function further(page, context) {
    const rest = page.home.verdicts.slice(1);
    if (!rest.length) return null;
    return h("section", {}, h("h2", {}, rest.length === 1 ? "One more cause" : `${rest.length} more causes`), rest.map((one) => {
      const shown = picturesOf(page, one).figures;
      const links = shown.flatMap((figure, number) => [number ? ", " : "", h("a", { href: context.link(figure) }, figure.title)]);
      return h("article", { class: `card edge-${one.severity}`, id: `cause-${one.check}`, tabindex: "-1" },
        h("h3", {}, mark(one.severity), words(one.check)), h("p", { class: "about" }, `${one.severity}, ${one.sureness}`), told(one), symptoms(one),
        links.length ? h("p", { class: "dim" }, "Pictures: ", links) : null);
    }));
  }

  /** The first figure of an experiment, whose title begins with its name, or of a check that fired. */
  function pictureOf(page, one) {
    const own = page.figures.find((figure) => figure.panel === "experiments" && figure.title.startsWith(`${one.name}: `));
    return own || page.figures.find((figure) => figure.id === (page.pictures[one.name] || [])[0]);
  }

  function item(one, page, context) {
    const figure = pictureOf(page, one);
    const name = h("strong", { class: "check" }, one.name);
    return h("li", {}, mark(one.verdict), h("span", {}, figure ? h("a", { href: context.link(figure), title: figure.title }, name) : name, ": ", one.message,
      one.next && one.verdict !== "passed" ? h("span", { class: "next" }, ` ${one.next}`) : null));
  }

  function stage(one, number, page, context) {
    const quiet = one.items.filter((each) => each.verdict === "not assessed");
    const loud = one.items.filter((each) => each.verdict !== "not assessed").sort((a, b) => (b.verdict === "failed") - (a.verdict === "failed"));
    const head = [mark(one.gate), h("span", { class: "stage-title" }, `${number + 1}  ${one.title}`),
      h("span", { class: `gate gate-${one.gate.replace(" ", "-")}` }, one.word)];
    const list = (items) => h("ul", { class: "findings" }, items.map((each) => item(each, page, context)));
    const title = `Not assessed: ${quiet.map((each) => each.name).join(", ")}`;
    const inside = [list(loud), quiet.length ? folded(`quiet-${one.stage}`, title, list(quiet)) : null];
    const open = one.gate === "failed";
    return h("li", { class: "stage" }, one.items.length ? folded(`stage-${one.stage}`, head, inside, open) : h("div", { class: "empty-stage" }, head));
  }

  /** The stages as a checklist: those of the recipe, or those that a run's checks belong to. */
  function stages(page, context) {
    const { home } = page;
    if (!home.stages.length && !home.recipe) return null;
    const words = "Checks look at what happened. The six stages of experiments, each with a gate:";
    const how = home.recipe && h("div", { class: "how" }, h("p", {}, words), command(home.recipe));
    return h("section", {}, h("h2", {}, home.experimented ? "The recipe" : "What was looked at"),
      home.next ? h("p", { class: "change" }, h("strong", {}, "Next: "), home.next) : null,
      h("ol", { class: "stages" }, home.stages.map((one, number) => stage(one, number, page, context))), home.notes.map((note) => h("p", { class: "dim" }, `Note: ${note}`)), how);
  }

  function beside(home) {
    return (home.verdicts.length ? home.beside : []).map((group) => h("section", {},
      folded(`group-${group.title}`, h("h2", {}, `${group.title} (${group.findings.length})`), findings(group.findings), group.title === "Also seen")));
  }

  function data(home) {
    if (!home.data) return null;
    const cell = (name) => (one) => h(name, name === "th" ? { scope: "col" } : {}, one);
    const table = h("table", {}, h("thead", {}, h("tr", {}, home.data.head.map(cell("th")))),
      h("tbody", {}, home.data.rows.map((one) => h("tr", {}, one.map(cell("td"))))));
    const box = { class: "scrolling", tabindex: "0", role: "region", "aria-label": "Splits of the data" };
    return h("section", {}, h("h2", {}, "The data"), h("div", box, table));
  }

  function run(home, problems) {
    return h("section", {}, h("h2", {}, "The run"), h("dl", { class: "facts" }, home.facts.map(([name, text]) => [h("dt", {}, name), h("dd", {}, text)])),
      problems.length ? h("div", { class: "problems" }, h("h3", {}, "Problems"), h("ul", {}, problems.map((text) => h("li", {}, text)))) : null);
  }

  function blind(home) {
    if (!home.blind) return null;
    const reasons = home.blind_reasons.map((one) => h("li", {}, `${one.reason} (${one.checks.length}): `, h("span", { class: "dim" }, one.checks.join(", "))));
    return h("section", {}, folded("blind", h("h2", {}, "Not assessed: ", home.blind), h("ul", {}, reasons)));
  }

  /** The content of the home panel. */
  netvet.home = function (page, context) {
    const { home } = page;
    return [verdict(page, context), h("div", { class: "columns" },
      h("div", {}, further(page, context), data(home), stages(page, context)),
      h("div", {}, beside(home), run(home, [...home.problems, ...page.problems]), blind(home)))];
  };
})();
