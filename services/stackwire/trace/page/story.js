"use strict";
// One story as a diagram, and one message beside it.
(() => {
  const FORMS = [["mermaid", "Mermaid"], ["plantuml", "PlantUML"], ["html", "HTML page"], ["har", "HAR"], ["jsonl", "JSON Lines"], ["otlp", "OTLP"]];

  const exports = (id) => {
    const list = sw.el("select", { "aria-label": "export", id: "export" }, sw.el("option", { value: "" }, "Export…"), ...FORMS.map(([value, text]) => sw.el("option", { value }, text)));
    list.addEventListener("change", () => {
      if (list.value) window.open(`stories/${encodeURIComponent(id)}/export?form=${list.value}`, "_blank", "noopener");
      list.value = "";
    });
    return list;
  };

  const toggle = (id, text, key, on, change) => {
    const button = sw.el("button", { type: "button", "aria-pressed": String(on), id, title: key }, text);
    button.addEventListener("click", () => {
      const now = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(now));
      change(now);
    });
    return button;
  };

  // The kinds of arrows; each is a switch for its kind.
  sw.legend = (diagram, hidden, changed) => {
    const counts = diagram.counts();
    const items = sw.KINDS.filter(([kind]) => counts.has(kind)).map(([kind, text]) => {
      const sample = sw.svg("svg", { width: 30, height: 12, "aria-hidden": "true" }, sw.svg("line", { class: "arrow", x1: 1, x2: 21, y1: 6, y2: 6 }), sw.svg("path", { class: "head", d: "M29 6 l-9 -4.5 v9 z" }));
      const button = sw.el("button", { type: "button", class: `k-${kind}`, "aria-pressed": String(!hidden.has(kind)), title: `show or hide: ${text}` },
        sw.el("span", { class: `sample k-${kind}` }, sample), ` ${text} `, sw.el("span", { class: "dim" }, String(counts.get(kind))));
      button.addEventListener("click", () => {
        if (hidden.has(kind)) hidden.delete(kind); else hidden.add(kind);
        button.setAttribute("aria-pressed", String(!hidden.has(kind)));
        changed();
      });
      return button;
    });
    return sw.el("div", { class: "legend", role: "group", "aria-label": "legend" }, ...items, sw.el("span", { class: "sample failed" }, "red: failed"));
  };

  sw.storyView = async (source, main, id, query) => {
    const data = await source.get(`stories/${encodeURIComponent(id)}`, { payload: "false" });
    const found = data.stories.find((one) => one.id === id || one.request_ids.includes(id)) ?? data.stories[0];
    const others = data.stories.filter((one) => one !== found);
    const container = sw.el("div", { class: "diagram", tabindex: 0 }), hidden = new Set((query.get("hide") ?? "").split(",").filter(Boolean));
    const folded = query.get("fold") !== "0";
    const remember = () => history.replaceState(null, "", sw.address(`story/${encodeURIComponent(found.id)}`, { at: query.get("at"), hide: [...hidden].join(","), fold: diagram.folded ? "" : "0" }));
    const open = (arrow) => { query.set("at", arrow.number); remember(); sw.openMessage(source, arrow); };
    const scale = toggle("scale", "Time scale", "t", false, (on) => { diagram.byTime = on; });
    const pairs = found.arrows.filter((one) => one.end_number).length;
    const fold = toggle("fold", `Fold ${pairs} pairs`, "f", folded, (on) => { diagram.folded = on; remember(); });
    fold.hidden = pairs === 0;
    const resources = sw.distinct(found.resources);
    const bar = sw.el(
      "div", { class: "bar" },
      sw.el("h1", {}, found.label ?? found.title, " ", sw.status(found.status)),
      sw.el("span", { class: found.failed ? "tag bad" : "tag" }, `${found.messages} messages, ${sw.ms(found.seconds)}${found.failed ? ", failed" : ""}`),
      ...resources.slice(0, 6).map(sw.resourceLink), scale, fold, source.embedded ? null : exports(found.id),
      sw.el("span", { class: "dim mono ids" }, found.label === found.title ? found.id : `${found.title} · ${found.id}`),
      others.length ? sw.el("span", { class: "others" }, "More about it: ", ...others.slice(-5).map((one) => sw.el("a", { href: `#/story/${encodeURIComponent(one.id)}` }, one.label ?? one.title))) : null,
    );
    const column = sw.el("div", { class: "column" }, bar, container);
    main.replaceChildren(column);
    const diagram = new sw.Diagram(container, found, open, { folded, hidden });
    bar.after(sw.legend(diagram, hidden, () => { diagram.hidden = hidden; remember(); }));
    sw.stepper = (by) => diagram.choose(Math.min(diagram.length - 1, Math.max(0, diagram.chosen + by)));
    if (data.bounds?.since && found.started_at < data.bounds.since) {
      container.before(sw.el("p", { class: "dim pad note" }, "This story is older than what is kept: only its transfers of properties are left."));
    }
    const at = Number(query.get("at"));
    if (at) diagram.chooseNumber(at);
  };

  // -- one message

  sw.closeDetail = () => {
    const detail = document.getElementById("detail");
    detail.hidden = true;
    detail.replaceChildren();
  };

  const described = (whole) => [
    ["from", whole.sender || "?"], ["to", whole.receiver || "?"], ["status", whole.status],
    ["state", whole.state ? sw.state(whole.state) + (whole.inferred ? ", assigned by its resource" : "") : ""], ["time", sw.clock(whole.time)],
    ["time in queue", sw.ms(whole.queue_seconds)], ["response time", sw.ms(whole.answer_seconds ?? whole.seconds)], ["until its end", sw.ms(whole.end_seconds)],
    ["failure", whole.failure === String(whole.status) ? "" : whole.failure], ["exchange", whole.exchange], ["routing key", whole.routing_key], ["queues", (whole.queues ?? []).join(", ")],
  ].filter(([, value]) => value !== "" && value !== null && value !== undefined);

  sw.openMessage = async (source, arrow) => {
    const detail = document.getElementById("detail");
    detail.hidden = false;
    const fill = (whole) => detail.replaceChildren(
      sw.el("button", { class: "close", type: "button", onclick: sw.closeDetail, title: "Esc", "aria-label": "close" }, "×"),
      sw.el("h1", { class: `k-${arrow.kind}` }, sw.el("span", { class: "kind" }, sw.kind(arrow.kind)), " ", whole.label && arrow.kind !== "http" ? whole.name : arrow.label ?? arrow.name),
      sw.el("p", { class: "mono dim" }, arrow.kind === "http" ? arrow.name : ""),
      sw.el("table", {}, sw.el("tbody", {}, ...described({ ...whole, ...arrow }).map(([name, value]) => sw.el("tr", {}, sw.el("td", { class: "dim" }, name), sw.el("td", {}, String(value)))))),
      sw.el("p", {}, ...sw.distinct(arrow.resources).flatMap((one) => [sw.resourceLink(one), " "])),
      arrow.request_id ? sw.el("p", {}, sw.el("a", { href: `#/story/${encodeURIComponent(arrow.global_request_id ?? arrow.request_id)}?at=${arrow.number}` }, "its story")) : "",
      whole.verdicts ? sw.changes(whole.verdicts) : "",
      whole.payload === undefined ? "" : sw.el("details", { open: !whole.verdicts }, sw.el("summary", {}, "payload"), sw.el("pre", {}, JSON.stringify(whole.payload ?? null, null, 2))),
    );
    fill({});
    try {
      fill(await source.get(`messages/${arrow.number}`));
    } catch (error) {
      fill({ payload: error.message });
    }
  };
})();
