"use strict";
// The lists: stories, messages and resources. What is filtered is in the address.
(() => {
  const PAGE = 100;
  const STORY_FILTERS = [["request", "request id"], ["resource", "resource id or name"], ["service", "service"], ["event", "method or event"], ["text", "text"]];
  const MESSAGE_FILTERS = [["sender", "from"], ["receiver", "to"], ...STORY_FILTERS];
  const ON_REQUEST = [["reads", "plain reads"], ["logins", "logins"], ["housekeeping", "housekeeping"]];
  const empty = (text) => sw.el("p", { class: "empty" }, text);

  // Inputs whose values are in the address; `changed` is called shortly after one of them changes.
  const filterBar = (path, names, query, changed, ...more) => {
    const later = sw.debounced(changed, 200);
    const put = (name, value) => {
      if (value) query.set(name, value); else query.delete(name);
      query.delete("before");
      history.replaceState(null, "", sw.address(path, Object.fromEntries(query)));
      later();
    };
    const inputs = names.map(([name, label]) => sw.el("input", {
      name, type: "search", placeholder: label, "aria-label": `filter by ${label}`, value: query.get(name) ?? "", oninput: (event) => put(name, event.target.value.trim()),
    }));
    const boxes = ON_REQUEST.map(([name, label]) => sw.el("label", {}, sw.el("input", { type: "checkbox", id: name, checked: query.has(name), onchange: (event) => put(name, event.target.checked ? "1" : "") }), ` ${label}`));
    const active = names.filter(([name]) => query.get(name)).length;
    return sw.el("details", { class: "filters", open: innerWidth > 700 || active > 0 },
      sw.el("summary", {}, active ? `Filters (${active})` : "Filters"), sw.el("div", {}, ...inputs, ...more.map((make) => make(put)), ...boxes));
  };

  const wanted = (query) => ({ ...Object.fromEntries(query), ...Object.fromEntries(ON_REQUEST.map(([name]) => [name, query.has(name) ? "" : "false"])) });

  // -- stories

  const statusFilter = (query) => (put) => {
    const list = sw.el("select", { "aria-label": "filter by status", name: "status", onchange: () => put("status", list.value) },
      ...[["", "any status"], ["failed", "failed"], ["2xx", "2xx"], ["4xx", "4xx"], ["5xx", "5xx"]].map(([value, text]) => sw.el("option", { value, selected: (query.get("status") ?? "") === value }, text)));
    return list;
  };

  sw.storiesView = async (source, main, query) => {
    const body = sw.el("tbody"), none = empty("No story matches these filters yet."), pages = sw.el("nav", { class: "pages", "aria-label": "pages" }), note = sw.el("p", { class: "dim pad note" });
    const heads = [["Time", ""], ["Story", ""], ["Status", ""], ["Resources", "some"], ["Participants", "wide"], ["Messages", "number"], ["Duration", "number"]];
    const table = sw.el("table", { class: "cards stories" }, sw.el("thead", {}, sw.el("tr", {}, ...heads.map(([text, kind]) => sw.el("th", { class: kind || null }, text)))), body);
    const show = async () => {
      const data = await source.get("stories", { ...wanted(query), limit: PAGE, order: "newest" });
      if (!body.isConnected) return;
      const focused = document.activeElement?.dataset?.story;
      body.replaceChildren(...data.stories.map(storyRow));
      if (focused) body.querySelector(`[data-story="${CSS.escape(focused)}"]`)?.focus();
      none.hidden = data.stories.length > 0;
      table.hidden = !none.hidden;
      pages.replaceChildren(
        query.has("before") ? sw.el("a", { href: sw.address("stories", { ...Object.fromEntries(query), before: "" }) }, "« Newest") : "",
        data.older ? sw.el("a", { href: sw.address("stories", { ...Object.fromEntries(query), before: data.older }) }, "Older ›") : "");
      note.textContent = sw.kept(data.bounds);
      sw.showBounds(data.bounds);
    };
    main.replaceChildren(sw.el("h1", { class: "offscreen" }, "Stories"), source.embedded ? "" : filterBar("stories", STORY_FILTERS, query, show, statusFilter(query)), table, none, pages, note);
    await show();
    return query.has("before") ? null : show;
  };

  const storyRow = (story) => {
    const open = () => { location.hash = `#/story/${encodeURIComponent(story.id)}`; };
    const resources = sw.distinct(story.resources);
    const chips = resources.slice(0, 3).map((one) => sw.el("div", { title: `${one.kind} ${one.id}` }, sw.el("span", { class: "dim" }, `${one.kind} `), sw.named(one)));
    if (resources.length > 3) chips.push(sw.el("div", { class: "dim" }, `and ${resources.length - 3} more`));
    return sw.el(
      "tr", { tabindex: 0, onclick: open, "data-story": story.id, class: story.failed ? "has-failed" : null, onkeydown: (event) => { if (event.key === "Enter") open(); } },
      sw.el("td", { class: "mono when" }, sw.clock(story.started_at)),
      sw.el("td", { class: story.failed ? "title bad" : "title" }, story.label ?? story.title, sw.el("div", { class: "dim mono", title: story.id }, story.label === story.title ? story.id : sw.short(sw.request(story.title), 60))),
      sw.el("td", {}, sw.status(story.status)),
      sw.el("td", { class: "some" }, ...chips),
      sw.el("td", { class: "dim wide" }, sw.short([...new Set(story.lanes.map((one) => one.split("@")[0]))].filter((one) => !one.endsWith("(all)") && one !== "notifications").join(", "), 110)),
      sw.el("td", { class: "number" }, String(story.messages), sw.el("span", { class: "unit" }, story.messages === 1 ? " message" : " messages")),
      sw.el("td", { class: "number" }, sw.ms(story.seconds)),
    );
  };

  // -- messages

  sw.messagesView = async (source, main, query) => {
    const MOST = 50_000;
    let known = [], newest = 0, chosen = -1;
    const place = sw.el("div", { class: "scroll", tabindex: 0 }), none = empty("No message matches these filters yet."), count = sw.el("p", { class: "dim pad note" });
    const rows = new sw.Rows(place, 40, () => messageRow((number) => choose(known.findIndex((one) => one.number === number))), (row, at) => fillMessageRow(row, known[at], at === chosen));
    const choose = (at) => { chosen = at; rows.draw(); sw.openMessage(source, known[at]); };
    const show = async (all) => {
      if (all) { known = []; newest = 0; chosen = -1; }
      const data = await source.get("messages", { ...wanted(query), deliveries: "false", payload: "false", after: newest, limit: MOST });
      if (!place.isConnected) return;
      if (data.messages.length) {
        known = known.concat(data.messages).slice(-MOST);
        newest = known[known.length - 1].number;
        rows.count = known.length;
      } else if (all) rows.count = 0;
      none.hidden = known.length > 0;
      count.textContent = `${known.length} messages, the latest at the end. ${sw.kept(data.bounds)}`;
      sw.showBounds(data.bounds);
    };
    main.replaceChildren(sw.el("div", { class: "column" }, sw.el("h1", { class: "offscreen" }, "Messages"), filterBar("messages", MESSAGE_FILTERS, query, () => show(true)), none, place, count));
    await show(true);
    place.scrollTop = place.scrollHeight;
    sw.stepper = (by) => { if (known.length) { choose(Math.min(known.length - 1, Math.max(0, chosen < 0 ? known.length - 1 : chosen + by))); rows.show(chosen); } };
    return () => show(false);
  };

  const messageRow = (open) => {
    const row = sw.el("div", {}, ...["mono when dim", "kind", "what", "status", "ends dim"].map((kind) => sw.el("span", { class: kind }, document.createTextNode(""))));
    row.onclick = () => open(Number(row.dataset.number));
    return row;
  };

  const fillMessageRow = (row, message, chosen) => {
    const failed = message.failure ? " failed" : "", [when, kind, what, status, ends] = row.children;
    row.className = `message k-${message.kind}${failed}${chosen ? " chosen" : ""}`;
    row.dataset.number = message.number;
    when.firstChild.data = sw.clock(message.time);
    kind.firstChild.data = sw.kind(message.kind);
    what.firstChild.data = message.label ?? message.name;
    what.title = message.name;
    status.firstChild.data = message.status ?? "";
    status.className = message.status ? `status s${String(message.status)[0]}` : "none";
    ends.firstChild.data = `${message.sender || "?"} → ${message.receiver || "?"}`;
  };

  // -- resources

  sw.resourcesView = async (source, main, query) => {
    const body = sw.el("tbody"), none = empty("No property has been transferred yet."), kinds = sw.el("div", { class: "counts" });
    const table = sw.el("table", { class: "cards" }, sw.el("thead", {}, sw.el("tr", {}, ...["Name", "Kind", "Id"].map((text) => sw.el("th", {}, text)))), body);
    const show = async () => {
      const data = await source.get("resources"), kind = query.get("kind") ?? "";
      if (!body.isConnected) return;
      const all = [...data.resources].reverse(), found = all.filter((one) => !kind || one.kind === kind);
      const chip = (value, text) => sw.el("a", { class: "count", href: sw.address("resources", { kind: value }), "aria-current": value === kind ? "true" : null }, text);
      kinds.replaceChildren(chip("", `all ${all.length}`), ...[...new Set(all.map((one) => one.kind))].sort().map((one) => chip(one, `${all.filter((each) => each.kind === one).length} ${one}`)));
      body.replaceChildren(...found.slice(0, 2000).map(resourceRow));
      none.hidden = found.length > 0;
      table.hidden = !none.hidden;
    };
    main.replaceChildren(sw.el("h1", { class: "offscreen" }, "Resources"), kinds, table, none);
    await show();
    return show;
  };

  const resourceRow = (one) => {
    const go = () => { location.hash = `#/resource/${encodeURIComponent(`${one.kind}:${one.id}`)}`; };
    return sw.el("tr", { tabindex: 0, onclick: go, onkeydown: (event) => { if (event.key === "Enter") go(); } },
      sw.el("td", { class: "title" }, one.name ?? sw.el("span", { class: "dim" }, "without a name"), one.deleted ? sw.el("span", { class: "tag bad" }, "deleted") : ""),
      sw.el("td", {}, one.kind), sw.el("td", { class: "mono dim" }, one.id));
  };
})();
