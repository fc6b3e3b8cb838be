"use strict";
// Addresses and keys: #/ the cloud, #/stories, #/story/ID?at=NUMBER, #/messages, #/resources, #/resource/KIND:ID?key=KEY,
// #/bugs, #/bugs/NAME, and those of properties.js. Filters are in the address, too.
(() => {
  const source = new sw.Source();
  const main = document.getElementById("main"), detail = document.getElementById("detail"), state = document.getElementById("state");
  let paused = false, redraw = null, chosenRow = -1, live = "", bounds = "";

  if (source.embedded) for (const link of document.querySelectorAll("nav a[data-live]")) link.remove();
  const empty = (text) => sw.el("p", { class: "empty" }, text);
  const setStatus = (text) => { state.textContent = text; };
  const status = () => setStatus([paused ? "paused" : live, bounds].filter(Boolean).join(", "));

  sw.showBounds = (known) => {
    bounds = [known.seen ? `${known.seen} messages received` : "", known.missed ? `${known.missed} missed` : "", (known.gaps ?? []).length ? `${known.gaps.length} outages` : "", known.problem || ""].filter(Boolean).join(", ");
    status();
  };

  sw.debounced = (action, wait) => {
    let timer = null;
    return () => { if (timer === null) timer = setTimeout(() => { timer = null; Promise.resolve(action()).catch((error) => setStatus(error.message)); }, wait); };
  };

  // -- addresses; a view may return how it is brought up to date

  const VIEWS = {
    "": source.embedded ? (_, query) => sw.storiesView(source, main, query) : () => sw.cloudView(source, main),
    stories: (_, query) => sw.storiesView(source, main, query),
    story: (path, query) => sw.storyView(source, main, path, query),
    messages: (_, query) => sw.messagesView(source, main, query),
    resources: (_, query) => sw.resourcesView(source, main, query),
    resource: (path, query) => sw.resourceView(source, main, path, query),
    explain: (_, query) => sw.explainView(source, main, query),
    bugs: (path) => sw.bugsView(source, main, path),
    properties: (path) => sw.definitionsView(source, main, path),
  };
  const SECTIONS = { "": source.embedded ? "stories" : "cloud", story: "stories", resource: "resources" };

  async function show() {
    const [path, parameters] = location.hash.replace(/^#\/?/, "").split("?");
    const [name, ...rest] = path.split("/").map(decodeURIComponent);
    const here = location.hash;
    redraw = null; sw.stepper = null; chosenRow = -1;
    sw.closeDetail();
    for (const link of document.querySelectorAll("nav a")) {
      if (link.dataset.view === (SECTIONS[name] ?? name)) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
    }
    try {
      const again = await (VIEWS[name] ?? VIEWS[""])(rest.join("/"), new URLSearchParams(parameters ?? ""));
      if (location.hash.split("?")[0] !== here.split("?")[0]) return;
      redraw = again ?? null;
      const head = [...(document.querySelector("h1")?.childNodes ?? [])].map((node) => node.textContent).join("").trim();
      document.title = `${head || "Stories"} · Stackwire`;
    } catch (error) {
      main.replaceChildren(empty(error.message));
    }
  }

  async function find(wanted) {
    for (const [path, view] of [["stories", "story"], ["lineage", "resource"]]) {
      try {
        const data = await source.get(`${path}/${encodeURIComponent(wanted)}`, { payload: "false" });
        location.hash = view === "story" ? `#/story/${encodeURIComponent(data.stories[data.stories.length - 1].id)}` : `#/resource/${encodeURIComponent(`${data.resource.kind}:${data.resource.id}`)}`;
        return;
      } catch { /* try the next view */ }
    }
    main.replaceChildren(empty(`There is no story or resource named ${wanted}.`));
  }

  // -- live

  const refresh = sw.debounced(async () => { if (redraw && !paused) await redraw(); }, 500);
  source.listen(refresh, (text) => { live = text; status(); });

  function pause() {
    paused = !paused;
    const button = document.getElementById("pause");
    button.setAttribute("aria-pressed", String(paused));
    button.textContent = paused ? "Resume" : "Pause";
    status();
    if (!paused && redraw) redraw();
  }

  const remembered = (value) => {
    try {
      if (value) localStorage.setItem("stackwire-theme", value);
      return localStorage.getItem("stackwire-theme");
    } catch {
      return null; // a file has no storage
    }
  };
  if (remembered()) document.documentElement.dataset.theme = remembered();

  function theme() {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    remembered(root.dataset.theme);
  }

  // -- keys

  function step(by) {
    if (sw.stepper) { sw.stepper(by); return; }
    const rows = [...main.querySelectorAll("tbody tr[tabindex]")];
    if (!rows.length) return;
    chosenRow = Math.min(rows.length - 1, Math.max(0, chosenRow + by));
    rows[chosenRow].focus();
  }

  const KEYS = {
    j: () => step(1), k: () => step(-1), p: pause, d: theme, t: () => document.getElementById("scale")?.click(), f: () => document.getElementById("fold")?.click(),
    "/": () => document.getElementById("query").focus(), "?": () => document.getElementById("keys").showModal(),
    Escape: () => { if (!detail.hidden) sw.closeDetail(); else if (/^#\/(story|resource|bugs)\//.test(location.hash)) history.back(); },
  };
  addEventListener("keydown", (event) => {
    const typing = event.target.closest("input:not([type=checkbox]), select, dialog");
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
