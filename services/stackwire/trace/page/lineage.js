"use strict";
// The lineage of a resource: a graph of everything its properties went through, and the path of each property.
(() => {
  const BOX = 168, HIGH = 40, GAP = 90, DOWN = 18;
  const id = (resource) => `${resource.kind}:${resource.id}`;

  // Every transfer of any property, once, with the keys that it transferred.
  const transfers = (properties) => {
    const found = new Map();
    for (const one of properties) {
      for (const step of [...one.past, ...one.future]) {
        const name = `${id(step.from)}|${id(step.to)}|${step.rule}`;
        const edge = found.get(name) ?? { from: step.from, to: step.to, rule: step.rule, keys: new Set(), time: step.time };
        edge.keys.add(one.key);
        found.set(name, edge);
      }
    }
    return [...found.values()].sort((one, two) => one.time - two.time);
  };

  // True when properties went from one to the other by the edges considered so far.
  const leads = (edges, from, to, visited = new Set()) => from === to || (!visited.has(from) && (visited.add(from), edges
    .some((edge) => id(edge.from) === from && leads(edges, id(edge.to), to, visited))));

  // Everything is right of what it came from. An edge back, as from a snapshot to its server at a rebuild, moves nothing.
  const columns = (edges, here) => {
    const nodes = new Map([[id(here), here]]), forward = [];
    for (const edge of edges) {
      for (const end of [edge.from, edge.to]) nodes.set(id(end), end);
      if (!leads(forward, id(edge.to), id(edge.from))) forward.push(edge);
    }
    const depth = new Map([...nodes.keys()].map((name) => [name, 0]));
    for (let moved = true; moved;) {
      moved = false;
      for (const { from, to } of forward) {
        if (depth.get(id(to)) > depth.get(id(from))) continue;
        depth.set(id(to), depth.get(id(from)) + 1);
        moved = true;
      }
    }
    const least = Math.min(...depth.values());
    const at = new Map(), count = new Map();
    for (const [name, resource] of nodes) {
      const column = (depth.get(name) ?? 0) - least, row = count.get(column) ?? 0;
      count.set(column, row + 1);
      at.set(name, { resource, x: column * (BOX + GAP) + 4, y: row * (HIGH + DOWN) + 4 });
    }
    return at;
  };

  sw.graph = (lineage, key) => {
    const edges = transfers(lineage.properties), positions = columns(edges, lineage.resource);
    const right = Math.max(...[...positions.values()].map((position) => position.x)) + BOX + 8;
    const below = Math.max(...[...positions.values()].map((position) => position.y)) + HIGH + 44;
    const graph = sw.svg("svg", { width: right, height: below, role: "img", "aria-label": "lineage graph" });
    const touched = new Set(), labels = new Map();
    for (const edge of edges) {
      const on = key !== null && edge.keys.has(key);
      if (on) [edge.from, edge.to].forEach((end) => touched.add(id(end)));
      const one = positions.get(id(edge.from)), two = positions.get(id(edge.to));
      const back = two.x <= one.x; // from the lower edge to the lower edge
      const x1 = back ? one.x + BOX / 2 : one.x + BOX, y1 = one.y + (back ? HIGH : HIGH / 2);
      const x2 = back ? two.x + BOX / 2 : two.x, y2 = two.y + (back ? HIGH : HIGH / 2), middle = (x1 + x2) / 2;
      const pair = `${id(edge.from)}|${id(edge.to)}`, nth = labels.get(pair) ?? 0; // several rules between the same two, one below the other
      labels.set(pair, nth + 1);
      const bend = Math.max(y1, y2) + 36;
      graph.append(sw.svg(
        "g", { class: `edge ${key === null ? "" : on ? "on" : "off"}` },
        sw.svg("path", { d: back ? `M${x1} ${y1} C${x1} ${bend} ${x2} ${bend} ${x2} ${y2}` : `M${x1} ${y1} C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}` }),
        sw.svg("title", {}, `${edge.rule}: ${[...edge.keys].join(", ")}`),
        sw.svg("text", { x: middle, y: (back ? bend - 12 : (y1 + y2) / 2 - 5) + nth * 12, "text-anchor": "middle" }, sw.short(edge.rule.split(".").pop(), 16)),
      ));
    }
    for (const [name, position] of positions) {
      const off = key !== null && !touched.has(name) && name !== id(lineage.resource);
      const node = sw.svg(
        "g", { class: `node ${name === id(lineage.resource) ? "here" : ""} ${off ? "off" : ""}`, transform: `translate(${position.x} ${position.y})`, tabindex: 0 },
        sw.svg("rect", { width: BOX, height: HIGH, rx: 6 }),
        sw.svg("text", { x: 10, y: 17 }, position.resource.kind),
        sw.svg("text", { x: 10, y: 33, class: "when" }, sw.short(position.resource.id, 22)),
        sw.svg("title", {}, `${position.resource.kind} ${position.resource.id}`),
      );
      const go = () => { if (position.resource.kind !== "client") location.hash = `#/resource/${encodeURIComponent(name)}`; };
      node.addEventListener("click", go);
      node.addEventListener("keydown", (event) => { if (event.key === "Enter") go(); });
      graph.append(node);
    }
    return graph;
  };

  sw.path = (one) => {
    const item = (step) => sw.el(
      "li", {},
      sw.el("span", { class: `tag v-${step.verdict}` }, step.verdict), " ",
      step.from.kind === "client" ? "user" : sw.label(step.from), " → ", sw.label(step.to),
      step.after_key && step.after_key !== step.key ? sw.el("span", { class: "mono" }, ` as ${step.after_key}`) : null,
      sw.el("span", { class: "dim" }, ` ${step.rule}${step.source ? `, ${step.source}` : ""}`),
      step.request_id ? sw.el("span", {}, " ", sw.el("a", { href: `#/story/${encodeURIComponent(step.request_id)}` }, "story")) : null,
    );
    return sw.el("ul", { class: "path" }, ...[...one.past, ...one.future].sort((one, two) => one.time - two.time).map(item));
  };
})();
