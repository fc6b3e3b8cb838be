"use strict";
// The lineage of a resource: a graph of everything its properties went through, and the way of each property.
(() => {
  const BOX = 168, HIGH = 40, GAP = 90, DOWN = 18;
  const id = (resource) => `${resource.kind}:${resource.id}`;

  // Every crossing told of any property, once, with the keys that took it.
  const crossings = (properties) => {
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

  const columns = (edges, here) => {
    const depth = new Map([[id(here), 0]]);
    const nodes = new Map([[id(here), here]]);
    for (let round = 0; round < 64; round++) {
      let moved = false;
      for (const { from, to } of edges) {
        for (const end of [from, to]) nodes.set(id(end), end);
        const left = depth.get(id(from)), right = depth.get(id(to));
        if (id(from) === id(to)) continue;
        if (left !== undefined && (right === undefined || right <= left) && round < 32) { depth.set(id(to), left + 1); moved = true; }
        else if (right !== undefined && left === undefined) { depth.set(id(from), right - 1); moved = true; }
      }
      if (!moved) break;
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

  sw.graph = (told, key) => {
    const edges = crossings(told.properties), places = columns(edges, told.resource);
    const right = Math.max(...[...places.values()].map((place) => place.x)) + BOX + 8;
    const below = Math.max(...[...places.values()].map((place) => place.y)) + HIGH + 24;
    const made = sw.svg("svg", { width: right, height: below, role: "img", "aria-label": "lineage graph" });
    const touched = new Set();
    for (const edge of edges) {
      const on = key !== null && edge.keys.has(key);
      if (on) [edge.from, edge.to].forEach((end) => touched.add(id(end)));
      const one = places.get(id(edge.from)), two = places.get(id(edge.to));
      const x1 = one.x + BOX, y1 = one.y + HIGH / 2, x2 = two.x, y2 = two.y + HIGH / 2, middle = (x1 + x2) / 2;
      made.append(sw.svg(
        "g", { class: `edge ${key === null ? "" : on ? "on" : "off"}` },
        sw.svg("path", { d: `M${x1} ${y1} C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}` }),
        sw.svg("title", {}, `${edge.rule}: ${[...edge.keys].join(", ")}`),
        sw.svg("text", { x: middle, y: (y1 + y2) / 2 - 5, "text-anchor": "middle" }, sw.short(edge.rule.split(".").pop(), 16)),
      ));
    }
    for (const [name, place] of places) {
      const off = key !== null && !touched.has(name) && name !== id(told.resource);
      const node = sw.svg(
        "g", { class: `node ${name === id(told.resource) ? "here" : ""} ${off ? "off" : ""}`, transform: `translate(${place.x} ${place.y})`, tabindex: 0 },
        sw.svg("rect", { width: BOX, height: HIGH, rx: 6 }),
        sw.svg("text", { x: 10, y: 17 }, place.resource.kind),
        sw.svg("text", { x: 10, y: 33, class: "when" }, sw.short(place.resource.id, 24)),
        sw.svg("title", {}, `${place.resource.kind} ${place.resource.id}`),
      );
      const go = () => { if (place.resource.kind !== "client") location.hash = `#/resource/${encodeURIComponent(name)}`; };
      node.addEventListener("click", go);
      node.addEventListener("keydown", (event) => { if (event.key === "Enter") go(); });
      made.append(node);
    }
    return made;
  };

  sw.way = (one) => {
    const step = (crossed) => sw.el(
      "li", {},
      sw.el("span", { class: `tag v-${crossed.verdict}` }, crossed.verdict), " ",
      crossed.from.kind === "client" ? "user" : sw.label(crossed.from), " → ", sw.label(crossed.to),
      crossed.after_key && crossed.after_key !== crossed.key ? sw.el("span", { class: "mono" }, ` as ${crossed.after_key}`) : null,
      sw.el("span", { class: "dim" }, ` ${crossed.rule}${crossed.source ? `, ${crossed.source}` : ""}`),
      crossed.request_id ? sw.el("span", {}, " ", sw.el("a", { href: `#/story/${encodeURIComponent(crossed.request_id)}` }, "story")) : null,
    );
    return sw.el("ul", { class: "way" }, ...[...one.past, ...one.future].map(step));
  };
})();
