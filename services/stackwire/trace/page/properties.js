"use strict";
// What a property does (#/explain?property=KEY=VALUE&flavor=NAME), and what definitions say (#/properties/KIND/ID).
(() => {
  const KINDS = ["image", "flavor", "aggregate", "volume"];
  const field = (name, label, value, more = {}) =>
    sw.el("label", { class: "field" }, label, sw.el("input", { name, value, autocomplete: "off", spellcheck: "false", ...more }));

  // A form over the answer to it; `ask` is called with the form's data.
  const page = (title, text, fields, ask, ...answer) => {
    const form = sw.el("form", { class: "ask" }, ...fields, sw.el("button", { type: "submit" }, "Show"));
    form.addEventListener("submit", (event) => { event.preventDefault(); ask(new FormData(form)); });
    return [sw.el("div", { class: "pad" }, sw.el("h1", {}, title), sw.el("p", { class: "dim" }, text), form, ...answer)];
  };

  const section = (title, ...children) => sw.el("section", {}, sw.el("h3", {}, title), ...children);

  // -- what a property does

  const explanation = (one) => {
    const lines = one.guest.map((line) =>
      sw.el("span", { class: line.startsWith("+") ? "plus" : line.startsWith("-") ? "minus" : "dim" }, `${line}\n`));
    const filters = Object.entries(one.filters).map(([name, always]) =>
      sw.el("li", {}, sw.el("code", {}, name), always ? "" : sw.el("span", { class: "dim" }, ", which is not enabled by default")));
    return sw.el(
      "article", { class: "answer", "data-key": one.key },
      sw.el("h2", { class: "mono" }, `${one.key}=${one.value}`),
      sw.el("p", { class: "dim" }, one.kind, one.name === one.key ? "" : `, today ${one.name}`),
      one.refusals.length ? section("Refused by", sw.el("ul", { class: "bad" }, ...one.refusals.map((text) => sw.el("li", {}, text)))) : "",
      one.guest.length ? section("In the guest's XML", sw.el("pre", { class: "xml", tabindex: 0 }, ...lines)) : "",
      filters.length ? section("Read by the scheduler", sw.el("ul", {}, ...filters)) : "",
      one.elsewhere ? section("Read by", sw.el("p", {}, one.elsewhere)) : "",
      one.is_read ? "" : sw.el("p", { class: "nothing" }, "Nothing in this cloud reads it: it travels, and that is all."),
    );
  };

  sw.explainView = async (source, main, query) => {
    const given = query.getAll("property"), flavor = query.get("flavor") ?? "";
    const ask = (data) => {
      const wanted = new URLSearchParams(data.get("properties").split(/\s+/).filter(Boolean).map((text) => ["property", text]));
      if (data.get("flavor").trim()) wanted.set("flavor", data.get("flavor").trim());
      location.hash = `#/explain?${wanted}`;
    };
    const answer = sw.el("div", { id: "answer", "aria-live": "polite" });
    main.replaceChildren(...page(
      "Explain a property", "What an image property or an extra spec does: the guest's XML it changes, the filters that read it, who refuses it.",
      [field("properties", "KEY=VALUE", given.join(" "), { placeholder: "hw_disk_bus=scsi hw:cpu_policy=dedicated", required: true }),
        field("flavor", "Flavor", flavor, { placeholder: "m1.tiny" })], ask, answer));
    if (!given.length) return;
    const data = await answered(answer, () => source.get(`explain?${new URLSearchParams([...given.map((text) => ["property", text]), ["flavor", flavor]])}`));
    if (data) answer.replaceChildren(...data.explanations.map(explanation));
  };

  // -- what definitions say

  const row = (one) =>
    sw.el(
      "tr", { class: one.problems.length ? "out" : null, "data-key": one.key },
      sw.el("td", { class: "mono" }, one.key, one.of === "properties" ? "" : sw.el("div", { class: "dim" }, one.of)),
      sw.el("td", { class: "mono" }, one.value, ...one.problems.map((text) => sw.el("div", { class: "bad" }, text))),
      sw.el("td", {}, one.title ?? sw.el("span", { class: "dim" }, "no definition"), one.description ? sw.el("div", { class: "dim" }, one.description) : ""),
      sw.el("td", {}, one.type ?? "", one.allowed ? sw.el("div", { class: "dim" }, one.allowed) : ""),
      sw.el("td", { class: "mono" }, one.namespace ?? ""),
      sw.el("td", {}, one.of === "metadata" ? "" : sw.el("a", { href: `#/explain?${new URLSearchParams({ property: `${one.key}=${one.value}` })}` }, "explain")),
    );

  sw.definitionsView = async (source, main, path) => {
    const [kind, ...rest] = path.split("/"), ident = rest.join("/");
    const choose = sw.el("select", { name: "kind" }, ...KINDS.map((each) => sw.el("option", { value: each, selected: each === kind }, each)));
    const ask = (data) => { location.hash = `#/properties/${data.get("kind")}/${encodeURIComponent(data.get("ident").trim())}`; };
    const answer = sw.el("div", { id: "answer", "aria-live": "polite" });
    main.replaceChildren(...page(
      "Definitions of properties", "What the metadata definitions say of the properties of an image, a flavor, an aggregate or a volume.",
      [sw.el("label", { class: "field" }, "Kind", choose), field("ident", "Id or name", ident, { required: true })], ask, answer));
    if (!ident) return;
    const data = await answered(answer, () => source.get(`properties/${kind}/${encodeURIComponent(ident)}`));
    if (!data) return;
    const outside = data.properties.filter((one) => one.problems.length).length;
    const heads = ["Property", "Value", "Title", "Type", "Namespace", ""];
    answer.replaceChildren(
      sw.el("h2", {}, data.kind, " ", data.name, " ", sw.el("span", { class: "dim mono" }, data.id)),
      sw.el("p", { class: outside ? "bad" : "dim" }, `${data.resource_type}, ${data.properties.length} properties, ${outside} out of range`),
      ...(data.note ? [sw.el("p", { class: "dim" }, `No definitions: ${data.note}.`)] : []),
      data.properties.length
        ? sw.el("div", { class: "wide", tabindex: 0 }, sw.el("table", { class: "properties" }, sw.el("thead", {}, sw.el("tr", {}, ...heads.map((text) => sw.el("th", {}, text)))), sw.el("tbody", {}, ...data.properties.map(row))))
        : sw.el("p", { class: "empty" }, "It has no properties."));
  };

  // The answer, or its error in place of it.
  async function answered(place, get) {
    try {
      return await get();
    } catch (error) {
      place.replaceChildren(sw.el("p", { class: "bad", role: "alert" }, error.message));
      return null;
    }
  }
})();
