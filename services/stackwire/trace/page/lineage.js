"use strict";
// The lineage of a resource: a graph of everything its properties went through, by generation, and each property's path.
(() => {
  const BOX = 176, HIGH = 44, GAP = 210, DOWN = 22, TOP = 26;
  const WORST = ["dropped", "truncated", "changed", "added", "renamed", "carried"];
  const id = (resource) => `${resource.kind}:${resource.id}`;

  // What went from one resource to another: by rule, how many properties came to which end.
  const connections = (properties) => {
    const found = new Map();
    for (const one of properties) {
      for (const step of [...one.past, ...one.future]) {
        const name = `${id(step.from)}|${id(step.to)}`;
        const edge = found.get(name) ?? { from: step.from, to: step.to, rules: new Map(), keys: new Map(), time: step.time };
        const rule = edge.rules.get(step.rule) ?? new Map();
        const keys = rule.get(step.verdict) ?? new Set();
        rule.set(step.verdict, keys.add(step.key ?? step.after_key));
        edge.rules.set(step.rule, rule);
        edge.keys.set(one.key, worst([step.verdict, edge.keys.get(one.key)]));
        found.set(name, edge);
      }
    }
    return [...found.values()].sort((one, two) => one.time - two.time);
  };
  const worst = (verdicts) => WORST.find((one) => verdicts.includes(one)) ?? "carried";
  const worstOf = (edge) => worst([...edge.rules.values()].flatMap((rule) => [...rule.keys()]));
  const counted = (rule) => WORST.filter((one) => rule.has(one)).reverse().map((one) => `${rule.get(one).size} ${one}`).join(", ");

  const positions = (generations) => {
    const at = new Map(), count = new Map(), least = Math.min(...generations.map((one) => one.generation));
    for (const one of generations) {
      const column = one.generation - least, row = count.get(column) ?? 0;
      count.set(column, row + 1);
      at.set(id(one), { resource: one, column, generation: one.generation, x: column * (BOX + GAP) + 8, y: row * (HIGH + DOWN) + TOP });
    }
    const most = Math.max(...count.values());
    for (const place of at.values()) place.y += (most - count.get(place.column)) * (HIGH + DOWN) / 2;
    return at;
  };

  sw.generationText = (number) => (number === 0 ? "user" : `generation ${number}`);

  sw.graph = (lineage, key) => {
    const edges = connections(lineage.properties), at = positions(lineage.generations);
    const lowest = Math.max(...[...at.values()].map((one) => one.y)) + HIGH;
    const back = edges.some((edge) => at.get(id(edge.to)).x <= at.get(id(edge.from)).x);
    const right = Math.max(...[...at.values()].map((one) => one.x)) + BOX + 8, below = lowest + (back ? 62 : 12);
    const graph = sw.svg("svg", { width: right, height: below, role: "img", "aria-label": "lineage graph" });
    const touched = new Set();
    for (const [column, generation] of new Map([...at.values()].map((one) => [one.column, one.generation]))) {
      graph.append(sw.svg("text", { class: "tier", x: column * (BOX + GAP) + 8 + BOX / 2, y: 14, "text-anchor": "middle" }, sw.generationText(generation)));
    }
    for (const edge of edges) {
      const on = key !== null && edge.keys.has(key), verdict = on ? edge.keys.get(key) : worstOf(edge);
      if (on) [edge.from, edge.to].forEach((end) => touched.add(id(end)));
      const one = at.get(id(edge.from)), two = at.get(id(edge.to)), backwards = two.x <= one.x; // from the lower edge to the lower edge
      const x1 = backwards ? one.x + BOX / 2 : one.x + BOX, y1 = one.y + (backwards ? HIGH : HIGH / 2);
      const x2 = backwards ? two.x + BOX / 2 : two.x - 2, y2 = two.y + (backwards ? HIGH : HIGH / 2), middle = (x1 + x2) / 2, bend = Math.max(y1, y2, lowest) + 44;
      const rules = [...edge.rules], all = new Map();
      for (const [, verdicts] of rules) for (const [verdict, keys] of verdicts) all.set(verdict, new Set([...(all.get(verdict) ?? []), ...keys]));
      // the rules above the line, what they did below it; beside the target, where no other arrow is
      const names = rules.map(([rule]) => rule.split(".").pop().replaceAll("_", " ")).join(" + ");
      const at0 = backwards ? { x: (x1 + x2) / 2, y: y1 + (bend - y1) * .75, anchor: "middle" } : { x: x2 - 10, y: y2, anchor: "end" };
      const lines = [[sw.fitted(names, GAP - 26, "11px system-ui, sans-serif"), "rule", at0.y - 6], [sw.fitted(counted(all), GAP - 26, "11px system-ui, sans-serif"), "what", at0.y + 14]];
      graph.append(sw.svg(
        "g", { class: `edge w-${verdict} ${key === null ? "" : on ? "on" : "off"}` },
        sw.svg("path", { d: backwards ? `M${x1} ${y1} C${x1} ${bend} ${x2} ${bend} ${x2} ${y2}` : `M${x1} ${y1} C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}` }),
        sw.svg("title", {}, rules.map(([rule, verdicts]) => `${rule}\n${[...verdicts].map(([name, keys]) => `${name}: ${[...keys].join(", ")}`).join("\n")}`).join("\n\n")),
        ...lines.map(([text, kind, y]) => sw.svg("text", { class: kind, x: at0.x, y, "text-anchor": at0.anchor }, text)),
      ));
    }
    for (const [name, place] of at) graph.append(node(name, place, lineage, key !== null && !touched.has(name) && name !== id(lineage.resource)));
    return graph;
  };

  const node = (name, place, lineage, off) => {
    const { kind } = place.resource, user = kind === "client";
    const element = sw.svg(
      "g", { class: `node ${name === id(lineage.resource) ? "here" : ""} ${off ? "off" : ""}`, transform: `translate(${place.x} ${place.y})`, tabindex: 0 },
      sw.svg("rect", { width: BOX, height: HIGH, rx: 7 }),
      sw.svg("text", { x: 10, y: 18, class: "who" }, sw.fitted(user ? "user" : sw.named(place.resource), BOX - 20, "600 12px system-ui, sans-serif")),
      sw.svg("text", { x: 10, y: 34, class: "when" }, sw.fitted(user ? place.resource.id : `${kind} ${place.resource.id.slice(0, 8)}`, BOX - 20)),
      sw.svg("title", {}, `${user ? "user" : kind} ${place.resource.id}`),
    );
    const go = () => { if (!user) location.hash = `#/resource/${encodeURIComponent(name)}`; };
    element.addEventListener("click", go);
    element.addEventListener("keydown", (event) => { if (event.key === "Enter") go(); });
    return element;
  };

  // The path of a property, generation by generation.
  sw.path = (one, lineage) => {
    const known = new Map(lineage.generations.map((each) => [id(each), each]));
    const end = (resource) => (resource.kind === "client" ? "user" : sw.resourceLink({ ...resource, name: known.get(id(resource))?.name }));
    const item = (step) => sw.el(
      "li", {},
      sw.el("span", { class: "generation", title: sw.generationText(known.get(id(step.to))?.generation ?? 0) }, String(known.get(id(step.to))?.generation ?? "")), " ",
      sw.el("span", { class: `tag v-${step.verdict}` }, step.verdict), " ", end(step.from), " → ", end(step.to),
      step.after_key && step.after_key !== step.key ? sw.el("span", { class: "mono" }, ` as ${step.after_key}`) : null,
      sw.el("span", { class: "dim" }, ` ${step.rule}${step.source ? `, ${step.source}` : ""}`),
      step.request_id ? sw.el("span", {}, " ", sw.el("a", { href: `#/story/${encodeURIComponent(step.request_id)}` }, "story")) : null,
    );
    return sw.el("ol", { class: "path" }, ...[...one.past, ...one.future].sort((one, two) => one.time - two.time).map(item));
  };

  const legend = () => sw.el("p", { class: "legend", role: "group", "aria-label": "legend" }, ...[...WORST].reverse().map((one) => sw.el("span", { class: `sample w-${one}` }, sw.svg("svg", { width: 26, height: 8, "aria-hidden": "true" }, sw.svg("path", { d: "M0 4 h26" })), ` ${one}`)));

  sw.resourceView = async (source, main, resourceId, query) => {
    const data = await source.get(`lineage/${encodeURIComponent(resourceId)}`);
    const key = query.get("key"), known = new Map(data.generations.map((each) => [id(each), each]));
    const row = (one) => {
      const choose = () => { location.hash = sw.address(`resource/${encodeURIComponent(resourceId)}`, { key: one.key === key ? "" : one.key }); };
      const now = one.now.map((place) => sw.el("div", {}, sw.resourceLink({ kind: place.kind, id: place.id, name: known.get(id(place))?.name }),
        place.key === one.key ? "" : sw.el("span", { class: "mono dim" }, ` as ${place.key}`), place.value === one.value ? "" : sw.el("span", { class: "mono" }, ` = ${sw.short(place.value ?? "", 40)}`)));
      return sw.el("tr", { tabindex: 0, class: one.key === key ? "chosen" : null, onclick: (event) => { if (!event.target.closest("a")) choose(); }, onkeydown: (event) => { if (event.key === "Enter" && event.target.tagName === "TR") choose(); } },
        sw.el("td", { class: one.value === null ? "mono title bad" : "mono title" }, one.key), sw.el("td", { class: "mono" }, one.value === null ? "(removed)" : sw.short(one.value, 90)),
        sw.el("td", { class: "some" }, one.set_by), sw.el("td", {}, sw.path(one, data)), sw.el("td", { class: "some" }, ...now));
    };
    const stories = data.resource.kind === "client" || source.embedded ? "" : sw.el("a", { href: sw.address("stories", { resource: data.resource.id, reads: 1 }) }, "its stories");
    const graph = sw.el("div", { class: "graph", tabindex: 0 }, sw.graph(data, key));
    main.replaceChildren(
      sw.el("div", { class: "bar" }, sw.el("h1", {}, sw.el("span", { class: "dim" }, `${data.resource.kind} `), sw.named(data.resource)), sw.el("span", { class: "tag" }, `${data.properties.length} properties`), data.gone ? sw.el("span", { class: "tag bad" }, "deleted") : "", stories, sw.el("span", { class: "dim mono ids" }, data.resource.id)),
      graph, legend(),
      sw.el("table", { class: "properties cards" }, sw.el("thead", {}, sw.el("tr", {}, ...["Property", "Value", "Set by", "Path", "Where it is now"].map((text) => sw.el("th", {}, text)))), sw.el("tbody", {}, ...data.properties.map(row))));
    const here = graph.querySelector(".here"), right = here.getBoundingClientRect().right - graph.getBoundingClientRect().left;
    if (right > graph.clientWidth) graph.scrollLeft = right - graph.clientWidth + 60;
  };
})();
