"use strict";
// The start page: the cloud as its messages draw it. Clients, APIs, conductors and schedulers, hosts, and who listens;
// between them what they have sent each other, in their boxes the queues they take it from. A click shows the messages.
(() => {
  const BOX = 184, GAP = 64, DOWN = 30, NARROW = 950;
  const APIS = ["keystone", "glance-api", "glance-registry", "cinder-api", "nova-api"];
  const INNER = ["cinder-scheduler", "nova-conductor", "nova-scheduler"];
  const TIERS = ["Clients", "APIs", "Conductor and schedulers", "Workers"];

  // A fanout is to all of a kind: the kind has one box.
  const plain = (name) => name.replace(/ \(all\)$/, "");
  const tier = (name) => (APIS.includes(name) ? 1 : INNER.includes(name) ? 2 : name.includes("@") || /^(nova-compute|cinder-volume|cinder-backup)/.test(name) ? 3 : 0);

  const nodesOf = (connections) => {
    const nodes = new Map();
    const node = (name) => {
      if (!nodes.has(name)) nodes.set(name, { name, tier: tier(name), queues: new Map() });
      return nodes.get(name);
    };
    for (const one of connections) {
      node(plain(one.sender));
      if (one.receiver === "notifications") { node(plain(one.sender)).notifications = one; continue; }
      const found = node(plain(one.receiver));
      for (const [queue, count] of Object.entries(one.queues)) found.queues.set(queue, (found.queues.get(queue) ?? 0) + count);
    }
    return [...nodes.values()].sort((one, two) => one.tier - two.tier || order(one.name) - order(two.name) || one.name.localeCompare(two.name));
  };
  const order = (name) => { const at = [...APIS, ...INNER].indexOf(name); return at < 0 ? 99 : at; };
  const high = (node) => (node.name.includes("@") ? 46 : 32) + Math.min(3, node.queues.size) * 15 + (node.queues.size > 3 ? 14 : 0) + (node.notifications ? 17 : 0);

  // Across where there is room, else one tier below the other.
  const place = (nodes, width) => {
    const across = width >= NARROW, tiers = TIERS.map((_, at) => nodes.filter((node) => node.tier === at));
    const used = tiers.filter((one) => one.length).length;
    const gap = across && used > 1 ? Math.max(GAP, Math.min(180, (width - used * BOX - 16) / (used - 1))) : GAP;
    let x = 8, y = 26, right = 0, below = 0;
    const heads = [];
    if (across) {
      const heights = tiers.map((one) => one.reduce((sum, node) => sum + high(node) + DOWN, 0)), most = Math.max(...heights);
      tiers.forEach((one, at) => {
        if (!one.length) return;
        heads.push({ x: x + BOX / 2, y: 14, text: TIERS[at] });
        let top = 28 + (most - heights[at]) / 2;
        for (const node of one) { Object.assign(node, { x, y: top, width: BOX, height: high(node) }); top += node.height + DOWN; }
        x += BOX + gap;
      });
      right = x - gap + 8; below = most + 34;
    } else {
      const per = Math.max(1, Math.floor((width - 8) / 172)), wide = Math.min(240, (width - 16 - (per - 1) * 12) / per);
      tiers.forEach((one, at) => {
        if (!one.length) return;
        heads.push({ x: width / 2, y: y - 6, text: TIERS[at] });
        for (let first = 0; first < one.length; first += per) {
          const line = one.slice(first, first + per), from = (width - line.length * wide - (line.length - 1) * 12) / 2;
          line.forEach((node, nth) => Object.assign(node, { x: from + nth * (wide + 12), y, width: wide, height: high(node) }));
          y += Math.max(...line.map(high)) + 16;
        }
        y += 40;
      });
      right = width; below = y;
    }
    return { heads, width: right, height: below, across };
  };

  const curve = (one, two, across) => {
    if (one === two) { const x = one.x + one.width, y = one.y + one.height / 2; return `M${x} ${y - 8} c30 -14 30 30 0 16`; }
    if (across && one.tier !== two.tier) {
      const forth = two.x > one.x, x1 = forth ? one.x + one.width : one.x, x2 = forth ? two.x - 3 : two.x + two.width + 3;
      const y1 = one.y + one.height / 2 + (forth ? -4 : 5), y2 = two.y + two.height / 2 + (forth ? -4 : 5), bend = (x2 - x1) / 2;
      return `M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
    }
    if (across) {
      const x = one.x + one.width, y1 = one.y + one.height / 2, y2 = two.y + two.height / 2, out = 26 + Math.min(40, Math.abs(y2 - y1) / 5);
      return `M${x} ${y1} C${x + out} ${y1} ${x + out} ${y2} ${x + 3} ${y2}`;
    }
    const forth = two.y > one.y, y1 = forth ? one.y + one.height : one.y, y2 = forth ? two.y - 3 : two.y + two.height + 3;
    const x1 = one.x + one.width / 2 + (forth ? -6 : 6), x2 = two.x + two.width / 2 + (forth ? -6 : 6);
    if (one.tier === two.tier) {
      const y = Math.max(one.y + one.height, two.y + two.height);
      return `M${x1} ${one.y + one.height} C${x1} ${y + 26} ${x2} ${y + 26} ${x2} ${two.y + two.height + 3}`;
    }
    return `M${x1} ${y1} C${x1} ${(y1 + y2) / 2} ${x2} ${(y1 + y2) / 2} ${x2} ${y2}`;
  };

  const dominant = (kinds) => Object.entries(kinds).sort((one, two) => two[1] - one[1])[0]?.[0] ?? "other";
  const described = (one) => `${one.sender} → ${one.receiver}: ${one.messages} messages${one.failed ? `, ${one.failed} failed` : ""} (${Object.entries(one.kinds).map(([kind, count]) => `${count} ${sw.kind(kind)}`).join(", ")})`;
  const target = (one) => sw.address("messages", { sender: one.sender, receiver: one.receiver });

  const drawing = (data, width, before) => {
    const nodes = nodesOf(data.connections), shape = place(nodes, width), byName = new Map(nodes.map((node) => [node.name, node]));
    const svg = sw.svg("svg", { width: shape.width, height: shape.height, class: "cloud", role: "group", "aria-label": "services and what they send each other" });
    for (const head of shape.heads) svg.append(sw.svg("text", { class: "tier", x: head.x, y: head.y, "text-anchor": "middle" }, head.text));
    for (const one of data.connections.filter((each) => each.receiver !== "notifications")) {
      const path = curve(byName.get(plain(one.sender)), byName.get(plain(one.receiver)), shape.across);
      const busy = one.messages > (before.get(described.key(one)) ?? one.messages);
      const link = sw.svg("a", { href: target(one), class: `edge k-${dominant(one.kinds)}${one.failed ? " some" : ""}${busy ? " busy" : ""}`, "aria-label": described(one), "data-edge": described.key(one) },
        sw.svg("path", { class: "reach", d: path }), sw.svg("path", { class: "line", d: path, "stroke-width": (1 + Math.min(4, Math.log10(one.messages + 1))).toFixed(1) }), sw.svg("title", {}, described(one)));
      svg.append(link);
    }
    for (const node of nodes) svg.append(box(node));
    return svg;
  };
  described.key = (one) => `${one.sender}|${one.receiver}`;

  const box = (node) => {
    const [name, ...host] = node.name.split("@"), room = node.width - 20;
    const lines = [sw.svg("text", { class: "who", x: 10, y: 21 }, sw.fitted(name, room, "600 12px system-ui, sans-serif"))];
    let y = 22;
    if (host.length) lines.push(sw.svg("text", { class: "when", x: 10, y: y += 15 }, sw.fitted(host.join("@"), room)));
    const queues = [...node.queues].sort((one, two) => two[1] - one[1]);
    for (const [queue] of queues.slice(0, 3)) {
      lines.push(sw.svg("text", { class: "queue", x: 10, y: y += 15 }, sw.fitted(`▤ ${queue}`, room, "11px ui-monospace, monospace")));
    }
    if (queues.length > 3) lines.push(sw.svg("text", { class: "when", x: 10, y: y += 14 }, `and ${queues.length - 3} more queues`));
    const about = sw.svg("a", { href: sw.address("stories", { service: node.name, reads: 1 }), "aria-label": `stories with ${node.name}` },
      sw.svg("rect", { width: node.width, height: node.height, rx: 7 }), ...lines,
      sw.svg("title", {}, `${node.name}${queues.map(([queue, count]) => `\nqueue ${queue}: ${count} messages`).join("")}`));
    const group = sw.svg("g", { class: "node", transform: `translate(${node.x} ${node.y})` }, about);
    if (node.notifications) {
      group.append(sw.svg("a", { href: target(node.notifications), class: "k-notification", "aria-label": described(node.notifications), "data-edge": described.key(node.notifications) },
        sw.svg("text", { class: "name", x: 10, y: y + 17 }, `↗ ${node.notifications.messages} notifications`), sw.svg("title", {}, described(node.notifications))));
    }
    return group;
  };

  const plural = (count, kind) => `${kind}${count === 1 ? "" : "s"}`;

  sw.cloudView = async (source, main) => {
    let before = new Map();
    const counts = sw.el("div", { class: "counts" }), place = sw.el("div", { class: "map" }), body = sw.el("tbody"), note = sw.el("p", { class: "dim pad note" });
    const table = sw.el("table", { class: "cards" }, sw.el("thead", {}, sw.el("tr", {}, ...["From", "To", "What", "Failed", "Messages"].map((text, at) => sw.el("th", { class: at > 2 ? "number" : null }, text)))), body);
    const none = sw.el("p", { class: "empty" }, "Nothing has been sent yet. Use the cloud, and this page draws it.");
    main.replaceChildren(sw.el("h1", { class: "offscreen" }, "Cloud"), counts, place, none, sw.el("details", { class: "pad", open: innerHeight > 700 && innerWidth > 800 }, sw.el("summary", {}, "As a table"), table), note);

    const show = async () => {
      const data = await source.get("map");
      counts.replaceChildren(...Object.entries(data.resources).map(([kind, count]) =>
        sw.el("a", { class: "count", href: sw.address("resources", { kind }) }, sw.el("b", {}, String(count)), ` ${plural(count, kind)}`, data.deleted[kind] ? sw.el("span", { class: "dim" }, `, ${data.deleted[kind]} deleted`) : "")));
      none.hidden = data.connections.length > 0;
      place.hidden = table.parentElement.hidden = !none.hidden;
      const focused = document.activeElement?.dataset?.edge;
      place.replaceChildren(drawing(data, place.clientWidth || main.clientWidth, before));
      if (focused) place.querySelector(`[data-edge="${CSS.escape(focused)}"]`)?.focus();
      before = new Map(data.connections.map((one) => [described.key(one), one.messages]));
      body.replaceChildren(...[...data.connections].sort((one, two) => two.messages - one.messages).map((one) => sw.el("tr", {},
        sw.el("td", {}, one.sender), sw.el("td", {}, one.receiver),
        sw.el("td", { class: "dim" }, Object.entries(one.kinds).map(([kind, count]) => `${count} ${sw.kind(kind)}`).join(", ")),
        sw.el("td", { class: one.failed ? "number bad" : "number" }, one.failed ? String(one.failed) : ""),
        sw.el("td", { class: "number" }, sw.el("a", { href: target(one) }, String(one.messages))))));
      note.textContent = sw.kept(data.bounds);
      sw.showBounds(data.bounds);
    };
    await show();
    addEventListener("resize", function again() { if (place.isConnected) show().catch(() => {}); else removeEventListener("resize", again); });
    return show;
  };

  // What is kept and for how long, as a sentence: nobody should have to find out by losing it.
  sw.kept = (bounds) => {
    if (!bounds.messages_limit) return "";
    const since = bounds.since ? ` since ${new Date(bounds.since * 1000).toLocaleTimeString([], { hour12: false })}` : "";
    const saved = bounds.messages_saved ? `A restart of the tracer leaves the latest ${bounds.messages_saved}` : "Without a database they end with the tracer";
    return `${bounds.messages} messages are kept${since}, the latest ${bounds.messages_limit} at most. ${saved}. “stackwire trace record FILE” keeps all.`;
  };
})();
