"use strict";
// The views, links and keys. Each view has an address: #/, #/story/ID?at=NUMBER, #/resources, #/resource/KIND:ID?key=KEY,
// and those of properties.js.
(() => {
  const source = new sw.Source();
  const main = document.getElementById("main"), detail = document.getElementById("detail"), state = document.getElementById("state");
  const FILTERS = [["request", "request id"], ["resource", "resource id"], ["service", "service"], ["event", "method or event"], ["text", "text"]];
  let paused = false, diagram = null, redraw = null, chosenRow = -1;

  if (source.embedded) for (const link of document.querySelectorAll("nav a[data-live]")) link.remove();
  const setStatus = (text) => { state.textContent = text; };
  const empty = (text) => sw.el("p", { class: "empty" }, text);

  // -- the list of stories

  let plainReads = false, housekeeping = false;
  const filters = Object.fromEntries(FILTERS.map(([name]) => [name, ""]));

  async function stories() {
    const body = sw.el("tbody"), none = empty("No message on the bus matches these filters yet.");
    const inputs = FILTERS.map(([name, label]) => sw.el("input", {
      name, placeholder: label, "aria-label": `filter by ${label}`, value: filters[name],
      oninput: (event) => { filters[name] = event.target.value.trim(); later(); },
    }));
    const heads = ["Time", "Request", "Resources", "Participants", "Messages", "Duration"];
    const table = sw.el("table", {}, sw.el("thead", {}, sw.el("tr", {}, ...heads.map((text, at) => sw.el("th", { class: at > 3 ? "number" : null }, text)))), body);
    const reads = sw.el("input", { type: "checkbox", id: "reads", checked: plainReads, onchange: () => { plainReads = reads.checked; later(); } });
    const periodic = sw.el("input", { type: "checkbox", id: "housekeeping", checked: housekeeping, onchange: () => { housekeeping = periodic.checked; later(); } });
    main.replaceChildren(sw.el("div", { class: "filters" }, ...inputs, sw.el("label", {}, reads, " single reads"), sw.el("label", {}, periodic, " housekeeping")), table, none);

    async function show() {
      const data = await source.get("stories", { ...filters, reads: plainReads ? "" : "false", housekeeping: housekeeping ? "" : "false", limit: 300, order: "newest" });
      if (redraw !== show) return;
      body.replaceChildren(...data.stories.map(storyRow));
      none.hidden = data.stories.length > 0;
      table.hidden = !none.hidden;
      setStatus([paused ? "paused" : sw.live, data.bounds.seen ? `${data.bounds.seen} messages received` : "", data.bounds.missed ? `${data.bounds.missed} missed` : "", (data.bounds.gaps ?? []).length ? `${data.bounds.gaps.length} outages` : "", data.bounds.problem || ""].filter(Boolean).join(", "));
    }
    const later = debounced(show, 150);
    redraw = show;
    await show();
  }

  function storyRow(story) {
    const open = () => { location.hash = `#/story/${encodeURIComponent(story.id)}`; };
    return sw.el(
      "tr", { tabindex: 0, onclick: open, "data-story": story.id, onkeydown: (event) => { if (event.key === "Enter") open(); } },
      sw.el("td", { class: "mono when" }, sw.clock(story.started_at)),
      sw.el("td", { class: story.failed ? "bad" : null }, sw.short(story.title, 70), sw.el("div", { class: "dim mono" }, story.id)),
      sw.el("td", { class: "when" }, ...story.resources.slice(0, 4).flatMap((one) => [sw.label(one), sw.el("br")])),
      sw.el("td", { class: "dim" }, story.lanes.slice(0, 6).join(", ")),
      sw.el("td", { class: "number" }, String(story.messages)),
      sw.el("td", { class: "number" }, sw.ms(story.seconds)),
    );
  }

  // -- one story

  async function story(id, query) {
    const data = await source.get(`stories/${encodeURIComponent(id)}`, { payload: "false" });
    const found = data.stories.find((one) => one.id === id || one.request_ids.includes(id)) ?? data.stories[0];
    const container = sw.el("div", { class: "diagram" });
    const scale = sw.el("button", { type: "button", "aria-pressed": "false", id: "scale", title: "t" }, "Time scale");
    scale.addEventListener("click", () => {
      const on = scale.getAttribute("aria-pressed") !== "true";
      scale.setAttribute("aria-pressed", String(on));
      diagram.byTime = on;
    });
    const bar = sw.el(
      "div", { class: "bar" },
      sw.el("h1", {}, found.title, " ", sw.el("span", { class: "dim mono" }, found.id)),
      sw.el("span", { class: found.failed ? "tag bad" : "tag" }, `${found.messages} messages, ${sw.ms(found.seconds)}`),
      ...found.resources.slice(0, 6).map(sw.resourceLink), scale, source.embedded ? null : exports(found.id),
    );
    main.replaceChildren(bar, container);
    container.style.setProperty("--bar", `${bar.offsetHeight}px`);
    diagram = new sw.Diagram(container, found, (arrow) => openMessage(arrow, found.id));
    setStatus(source.embedded ? "a recording" : paused ? "paused" : sw.live);
    const at = Number(query.get("at"));
    if (at) diagram.chooseNumber(at);
  }

  function exports(id) {
    const forms = [["mermaid", "Mermaid"], ["plantuml", "PlantUML"], ["html", "HTML page"], ["har", "HAR"], ["jsonl", "JSON Lines"], ["otlp", "OTLP"]];
    const list = sw.el("select", { "aria-label": "export", id: "export" }, sw.el("option", { value: "" }, "Export…"), ...forms.map(([value, text]) => sw.el("option", { value }, text)));
    list.addEventListener("change", () => {
      if (list.value) window.open(`stories/${encodeURIComponent(id)}/export?form=${list.value}`, "_blank", "noopener");
      list.value = "";
    });
    return list;
  }

  async function openMessage(arrow, storyId) {
    history.replaceState(null, "", `#/story/${encodeURIComponent(storyId)}?at=${arrow.number}`);
    let whole;
    try {
      whole = await source.get(`messages/${arrow.number}`);
    } catch (error) {
      whole = { payload: error.message };
    }
    const fields = [["from", arrow.sender || "?"], ["to", arrow.receiver || "?"], ["state", sw.state(arrow.state) + (arrow.inferred ? ", assigned by its resource" : "")],
      ["time", sw.clock(arrow.time)], ["time in queue", sw.ms(arrow.queue_seconds)], ["response time", sw.ms(arrow.answer_seconds)], ["failure", arrow.failure]];
    detail.replaceChildren(
      sw.el("button", { class: "close", type: "button", onclick: closeDetail, title: "Esc" }, "×"),
      sw.el("h1", { class: `k-${arrow.kind}` }, sw.el("span", { class: "kind" }, sw.kind(arrow.kind)), " ", arrow.name),
      sw.el("table", {}, sw.el("tbody", {}, ...fields.filter(([, value]) => value).map(([name, value]) => sw.el("tr", {}, sw.el("td", { class: "dim" }, name), sw.el("td", {}, value))))),
      sw.el("p", {}, ...arrow.resources.flatMap((one) => [sw.resourceLink(one), " "])),
      whole.verdicts ? sw.changes(whole.verdicts) : "",
      sw.el("details", { open: !whole.verdicts }, sw.el("summary", {}, "payload"), sw.el("pre", {}, JSON.stringify(whole.payload ?? null, null, 2))),
    );
    detail.hidden = false;
  }

  function closeDetail() {
    detail.hidden = true;
    detail.replaceChildren();
  }

  // -- resources and lineage

  async function resources() {
    const data = await source.get("resources");
    const rows = [...data.resources].reverse().map((one) => {
      const go = () => { location.hash = `#/resource/${encodeURIComponent(`${one.kind}:${one.id}`)}`; };
      return sw.el("tr", { tabindex: 0, onclick: go, onkeydown: (event) => { if (event.key === "Enter") go(); } },
        sw.el("td", {}, one.kind), sw.el("td", {}, one.name ?? ""), sw.el("td", { class: "mono" }, one.id));
    });
    main.replaceChildren(rows.length
      ? sw.el("table", {}, sw.el("thead", {}, sw.el("tr", {}, ...["Kind", "Name", "Id"].map((text) => sw.el("th", {}, text)))), sw.el("tbody", {}, ...rows))
      : empty("No property has been transferred yet."));
  }

  async function resource(id, query) {
    const data = await source.get(`lineage/${encodeURIComponent(id)}`);
    const key = query.get("key");
    const graph = sw.el("div", { class: "graph" }, sw.graph(data, key));
    const rows = data.properties.map((one) => {
      const choose = () => { location.hash = `#/resource/${encodeURIComponent(id)}${one.key === key ? "" : `?key=${encodeURIComponent(one.key)}`}`; };
      return sw.el("tr", { tabindex: 0, class: one.key === key ? "chosen" : null, onclick: (event) => { if (!event.target.closest("a")) choose(); }, onkeydown: (event) => { if (event.key === "Enter") choose(); } },
        sw.el("td", { class: one.value === null ? "mono bad" : "mono" }, one.key), sw.el("td", { class: "mono" }, one.value === null ? "(removed)" : sw.short(one.value, 90)),
        sw.el("td", {}, one.set_by), sw.el("td", {}, sw.path(one)),
        sw.el("td", {}, ...one.now.flatMap((location) => [sw.resourceLink({ kind: location.kind, id: location.id }), location.key === one.key ? "" : sw.el("span", { class: "mono dim" }, ` as ${location.key}`), location.value === one.value ? "" : sw.el("span", { class: "mono" }, ` = ${sw.short(location.value ?? "", 40)}`), sw.el("br")])));
    });
    main.replaceChildren(
      sw.el("div", { class: "bar" }, sw.el("h1", {}, data.resource.kind, " ", sw.el("span", { class: "dim mono" }, data.resource.id)), sw.el("span", { class: "tag" }, `${data.properties.length} properties`), data.gone ? sw.el("span", { class: "tag bad" }, "deleted") : ""),
      graph,
      sw.el("table", { class: "properties" }, sw.el("thead", {}, sw.el("tr", {}, ...["Property", "Value", "Set by", "Path", "Where it is now"].map((text) => sw.el("th", {}, text)))), sw.el("tbody", {}, ...rows)));
  }

  // -- addresses

  const explain = (_, query) => sw.explainView(source, main, query);
  const properties = (path) => sw.definitionsView(source, main, path);
  const VIEWS = { "": stories, story, resources, resource, explain, properties };
  const SECTIONS = { resource: "resources", resources: "resources", explain: "explain", properties: "properties" };

  async function show() {
    const [path, parameters] = location.hash.replace(/^#\/?/, "").split("?");
    const [name, ...rest] = path.split("/").map(decodeURIComponent);
    diagram = null; redraw = null; chosenRow = -1;
    closeDetail();
    for (const link of document.querySelectorAll("nav a")) {
      const here = link.dataset.view === (SECTIONS[name] ?? "stories");
      if (here) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
    }
    try {
      await (VIEWS[name] ?? stories)(rest.join("/"), new URLSearchParams(parameters ?? ""));
      document.title = `${document.querySelector("h1")?.textContent ?? "Stories"} · Stackwire`;
    } catch (error) {
      main.replaceChildren(empty(error.message));
    }
  }

  async function find(wanted) {
    for (const [path, view] of [["stories", "story"], ["lineage", "resource"]]) {
      try {
        const data = await source.get(`${path}/${encodeURIComponent(wanted)}`, { payload: "false" });
        location.hash = view === "story" ? `#/story/${encodeURIComponent(data.stories[0].id)}` : `#/resource/${encodeURIComponent(`${data.resource.kind}:${data.resource.id}`)}`;
        return;
      } catch { /* try the next view */ }
    }
    main.replaceChildren(empty(`There is no story or resource named ${wanted}.`));
  }

  // -- live

  sw.live = "";
  function debounced(action, wait) {
    let timer = null;
    return () => { if (timer === null) timer = setTimeout(() => { timer = null; action().catch((error) => setStatus(error.message)); }, wait); };
  }
  const refresh = debounced(async () => { if (redraw && !paused) await redraw(); }, 700);
  source.listen(() => refresh(), (text) => { sw.live = text; setStatus(paused ? "paused" : text); });

  function pause() {
    paused = !paused;
    const button = document.getElementById("pause");
    button.setAttribute("aria-pressed", String(paused));
    button.textContent = paused ? "Resume" : "Pause";
    setStatus(paused ? "paused" : sw.live);
    if (!paused && redraw) redraw();
  }

  function theme() {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  }

  // -- keys

  function step(by) {
    if (diagram) { diagram.choose(Math.min(diagram.length - 1, Math.max(0, diagram.chosen + by))); return; }
    const rows = [...main.querySelectorAll("tbody tr[tabindex]")];
    if (!rows.length) return;
    chosenRow = Math.min(rows.length - 1, Math.max(0, chosenRow + by));
    rows[chosenRow].focus();
  }

  const KEYS = {
    j: () => step(1), k: () => step(-1), p: pause, d: theme, t: () => document.getElementById("scale")?.click(),
    "/": () => document.getElementById("query").focus(), "?": () => document.getElementById("keys").showModal(),
    Escape: () => { if (!detail.hidden) closeDetail(); else if (location.hash.length > 2) history.back(); },
  };
  addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, dialog");
    if (event.ctrlKey || event.metaKey || event.altKey || (typing && event.key !== "Escape")) return;
    if (typing) { event.target.blur(); return; }
    const act = KEYS[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  document.getElementById("find").addEventListener("submit", (event) => {
    event.preventDefault();
    const wanted = document.getElementById("query").value.trim();
    if (wanted) find(wanted);
  });
  document.getElementById("pause").addEventListener("click", pause);
  document.getElementById("theme").addEventListener("click", theme);
  document.getElementById("help").addEventListener("click", KEYS["?"]);
  addEventListener("hashchange", show);
  show();
})();
