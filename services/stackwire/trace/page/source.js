"use strict";
// Where the page gets its data: the tracer's API, or the data embedded in an exported file.
window.sw = window.sw || {};

sw.embedded = () => {
  const element = document.getElementById("embedded");
  return element ? JSON.parse(element.textContent) : null;
};

// A sign for what takes longer than an instant.
sw.loading = (() => {
  let waiting = 0, timer = null;
  return async (promise) => {
    waiting += 1;
    timer ??= setTimeout(() => { document.getElementById("loading").hidden = waiting === 0; }, 150);
    try {
      return await promise;
    } finally {
      waiting -= 1;
      if (waiting === 0) { clearTimeout(timer); timer = null; document.getElementById("loading").hidden = true; }
    }
  };
})();

sw.Source = class {
  constructor() {
    this.embedded = sw.embedded();
  }

  async get(path, query = {}) {
    if (this.embedded) return this.#fromFile(path);
    return sw.loading(this.#fetch(path, query));
  }

  async #fetch(path, query) {
    const parameters = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined));
    let response;
    try {
      response = await fetch(`${path}${parameters.size ? `?${parameters}` : ""}`, { headers: { Accept: "application/json" } });
    } catch {
      throw new Error("The tracer does not answer: is the cloud up?");
    }
    const data = await response.json();
    if (!response.ok) throw new Error(data.error ? data.error.message : `${response.status}`);
    return data;
  }

  #fromFile(path) {
    const [name, ...rest] = path.split("/").map(decodeURIComponent);
    const { stories, lineages } = this.embedded;
    if (name === "stories" && !rest.length) return { stories: stories.map(({ arrows, ...summary }) => summary), bounds: {} };
    if (name === "stories") return { stories: stories.filter((one) => one.id === rest[0] || one.request_ids.includes(rest[0])) };
    if (name === "resources") return { resources: lineages.map((one) => one.resource) };
    if (name === "lineage") {
      const found = lineages.find((one) => `${one.resource.kind}:${one.resource.id}` === rest[0]);
      if (found) return found;
    }
    if (name === "messages") {
      const arrow = stories.flatMap((one) => one.arrows).find((one) => String(one.number) === rest[0]);
      if (arrow) return arrow;
    }
    throw new Error("This file does not contain it.");
  }

  // Calls `onChange` when there are new messages; returns a function that stops it. Nothing is live in a file.
  listen(onChange, setState) {
    if (this.embedded) {
      setState("a recording");
      return () => {};
    }
    const events = new EventSource("tail?changes=true");
    events.onopen = () => setState("live");
    events.onerror = () => setState("not connected");
    events.onmessage = () => onChange();
    return () => events.close();
  }
};
