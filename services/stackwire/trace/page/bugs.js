"use strict";
// Old bugs: what each did, who learnt it when, how to see it, and the same steps with and without it.
(() => {
  const side = (title, one, other) => {
    const theirs = new Set(other.arrows.map((arrow) => arrow.join("|")));
    const rows = one.arrows.map((arrow) => ({ sender: arrow[0], receiver: arrow[1], kind: arrow[2], label: arrow[3], name: arrow[3], status: arrow[4], failure: arrow[4] >= 400 ? String(arrow[4]) : null, state: "done", own: !theirs.has(arrow.join("|")) }));
    const lanes = [...new Set(rows.flatMap((row) => [row.sender, row.receiver]))];
    const width = Math.max(360, lanes.length * 118 + 10);
    return sw.el("section", { class: "side" }, sw.el("h2", {}, title), sw.el("p", { class: "outcome mono" }, one.outcome), sw.el("div", { class: "still", tabindex: 0 }, still(rows, lanes, width)));
  };

  // A diagram that does not move: names above, an arrow a row; what only this side has is marked.
  const still = (rows, lanes, width) => {
    const high = 32, column = width / lanes.length, x = (name) => (lanes.indexOf(name) + .5) * column;
    const svg = sw.svg("svg", { width, height: rows.length * high + 44, role: "img", "aria-label": "sequence diagram" });
    for (const name of lanes) {
      svg.append(sw.svg("text", { class: "who", x: x(name), y: 18, "text-anchor": "middle" }, sw.fitted(name, column - 8, "600 12px system-ui, sans-serif")), sw.svg("line", { class: "lifeline", x1: x(name), x2: x(name), y1: 28, y2: rows.length * high + 40 }));
    }
    rows.forEach((row, at) => {
      const from = x(row.sender), to = x(row.receiver), way = to >= from ? 1 : -1, y = at * high + 62, left = Math.min(from, to) + (from === to ? 30 : 8), right = Math.max(from, to) - 8;
      const caption = [row.label, row.status ?? ""].join("  ").trim(), backwards = sw.textWidth(caption) > width - left - 6 && right > width - left;
      svg.append(sw.svg("g", { class: `row k-${row.kind}${row.failure ? " failed" : ""}${row.own ? " own" : ""}` },
        sw.svg("rect", { class: "hit", x: 0, y: y - 22, width, height: high }),
        from === to ? sw.svg("path", { class: "arrow", d: `M${from} ${y - 8} h22 v8 h-16` }) : sw.svg("line", { class: "arrow", x1: from, x2: to - way * 8, y1: y, y2: y }),
        sw.svg("path", { class: "head", d: from === to ? `M${from + 1} ${y} l8 -4 v8 z` : `M${to} ${y} l${-way * 9} -4.5 v9 z` }),
        sw.svg("text", { class: "name", x: backwards ? right : left, y: y - 7, "text-anchor": backwards ? "end" : "start" }, sw.fitted(caption, backwards ? right - 6 : width - left - 6)), sw.svg("title", {}, `${row.sender} → ${row.receiver}: ${caption}`)));
    });
    return svg;
  };

  const one = (bug) => [
    sw.el("p", { class: "dim" }, sw.el("a", { href: "#/bugs" }, "Old bugs"), ` · ${bug.service}, ${bug.affected_releases}`),
    sw.el("h1", {}, bug.bug, bug.aliases.length ? sw.el("span", { class: "dim" }, ` ${bug.aliases.join(", ")}`) : ""),
    sw.el("section", {}, sw.el("h2", {}, "What was wrong"), sw.el("p", {}, bug.wrong), sw.el("p", { class: "dim" }, `Since the fix: ${bug.summary}.`)),
    sw.el("section", {}, sw.el("h2", {}, "Who learnt it, and when"), sw.el("ul", {}, ...bug.history.map((text) => sw.el("li", {}, text)), bug.link ? sw.el("li", {}, sw.el("a", { href: bug.link, rel: "noreferrer" }, bug.link)) : "")),
    sw.el("section", {}, sw.el("h2", {}, "See it here"), sw.el("p", {}, bug.steps, " ", sw.el("strong", {}, bug.question)), sw.el("pre", { class: "xml" }, bug.commands.join("\n"))),
    bug.with_bug.arrows.length ? sw.el("div", { class: "sides" }, side("With the bug", bug.with_bug, bug.without_bug), side("Without", bug.without_bug, bug.with_bug)) : "",
    bug.with_bug.arrows.length ? sw.el("p", { class: "dim" }, "Marked: what the other side has not. Reads, replies and repetitions are left out.") : "",
  ];

  sw.bugsView = async (source, main, path) => {
    const place = sw.el("div", { class: "pad bug" });
    main.replaceChildren(place);
    if (path) {
      place.replaceChildren(...one(await source.get(`bugs/${encodeURIComponent(path)}`)));
      return;
    }
    const { bugs } = await source.get("bugs");
    const row = (bug) => {
      const go = () => { location.hash = `#/bugs/${encodeURIComponent(bug.bug)}`; };
      return sw.el("tr", { tabindex: 0, onclick: go, onkeydown: (event) => { if (event.key === "Enter") go(); } },
        sw.el("td", { class: "title" }, bug.bug, ...bug.aliases.map((text) => sw.el("div", { class: "dim" }, text))), sw.el("td", {}, bug.service), sw.el("td", {}, bug.affected_releases), sw.el("td", {}, bug.question, sw.el("div", { class: "dim" }, `with it ${bug.with_bug.outcome}, without ${bug.without_bug.outcome}`)));
    };
    place.replaceChildren(sw.el("h1", {}, "Old bugs"), sw.el("p", { class: "dim" }, `${bugs.length} bugs of how properties travel, each of which this cloud can have again: stackwire up --with-bug NAME.`),
      sw.el("table", { class: "cards" }, sw.el("thead", {}, sw.el("tr", {}, ...["Bug", "Service", "Releases", "What it is about"].map((text) => sw.el("th", {}, text)))), sw.el("tbody", {}, ...bugs.map(row))));
  };
})();
