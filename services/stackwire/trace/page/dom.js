"use strict";
// Elements from a name, attributes and children: text is always text, so nothing in a message can become markup.
sw.el = (name, attributes = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
};

sw.svg = (name, attributes = {}, ...children) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) if (value !== null) element.setAttribute(key, value);
  element.append(...children);
  return element;
};

sw.short = (text, length = 60) => {
  const line = text === null || text === undefined ? "" : String(text).replace(/\s+/g, " ");
  return line.length > length ? `${line.slice(0, length - 1)}…` : line;
};

sw.ms = (seconds) =>
  seconds === null || seconds === undefined ? "" : seconds < 1 ? `${(seconds * 1000).toFixed(1)} ms` : `${seconds.toFixed(2)} s`;

const CLOCK = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }); // once: making it takes longer than all else of a row
sw.clock = (seconds) => {
  const at = new Date(seconds * 1000);
  return `${CLOCK.format(at)}.${String(at.getMilliseconds()).padStart(3, "0")}`;
};

// The kind of a message as text; "crossing" is the API's name of a property transfer.
sw.kind = (kind) => (kind === "crossing" ? "transfer" : kind);

// The state of a message as text; "unheard" is the API's name of a notification without subscribers.
sw.state = (state) => (state === "unheard" ? "no subscribers" : state);

// A resource by its name, the kind before it; its id is in the title.
sw.named = (resource) => resource.name || resource.id.slice(0, 8);
sw.label = (resource) => `${resource.kind} ${sw.named(resource)}`;

sw.resourceLink = (resource) =>
  sw.el("a", { href: `#/resource/${encodeURIComponent(`${resource.kind}:${resource.id}`)}`, title: `${resource.kind} ${resource.id}` },
    sw.el("span", { class: "dim" }, `${resource.kind} `), sw.named(resource));

// "METHOD path" without the project, ids by their beginnings.
sw.request = (name) => name.replace(/(\/v[\d.]+)\/[0-9a-f]{32}(?=\/)/, "$1/…").replace(/([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f-]{22,23}/g, "$1…");

// A guest is its server's definition for the hypervisor: one of the two is enough in a list.
sw.distinct = (resources) => resources.filter((one) => one.kind !== "guest" || !resources.some((other) => other.kind === "server" && other.id === one.id));

sw.status = (code) => (code ? sw.el("span", { class: `status s${String(code)[0]}` }, String(code)) : "");

// The parameters of the address, and the address with others: what is empty is left out.
sw.address = (path, parameters = {}) => {
  const given = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== "" && value !== null && value !== undefined));
  return `#/${path}${given.size ? `?${given}` : ""}`;
};

// The width of a text as it is drawn, in pixels.
sw.textWidth = (() => {
  const context = document.createElement("canvas").getContext("2d");
  const known = new Map();
  return (text, font = "12px system-ui, sans-serif") => {
    const key = `${font}|${text}`;
    if (!known.has(key)) {
      if (known.size > 5000) known.clear();
      context.font = font;
      known.set(key, context.measureText(text).width);
    }
    return known.get(key);
  };
})();

sw.fitted = (text, room, font) => {
  if (sw.textWidth(text, font) <= room) return text;
  let low = 0, high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (sw.textWidth(`${text.slice(0, middle)}…`, font) <= room) low = middle; else high = middle - 1;
  }
  return low ? `${text.slice(0, low)}…` : "";
};

// What a transfer did to each property: both sides side by side, what it carried unchanged collapsed.
sw.changes = (changes) => {
  const row = (one) =>
    sw.el(
      "tr", { class: `v-${one.verdict}` },
      sw.el("td", { class: "mono" }, one.key ?? ""), sw.el("td", { class: "mono" }, one.before ?? ""),
      sw.el("td", {}, one.verdict),
      sw.el("td", { class: "mono" }, one.after_key ?? ""), sw.el("td", { class: "mono" }, one.after ?? ""),
    );
  const table = (rows) =>
    sw.el(
      "table", { class: "diff" },
      sw.el("thead", {}, sw.el("tr", {}, ...["before", "", "change", "after", ""].map((text) => sw.el("th", {}, text)))),
      sw.el("tbody", {}, ...rows.map(row)),
    );
  const kept = changes.filter((one) => one.verdict === "carried" || one.verdict === "renamed");
  const others = changes.filter((one) => !kept.includes(one));
  const parts = others.length ? [table(others)] : [];
  if (kept.length) {
    parts.push(sw.el("details", { open: !others.length }, sw.el("summary", {}, `${kept.length} carried unchanged`), table(kept)));
  }
  return sw.el("div", {}, ...parts);
};
