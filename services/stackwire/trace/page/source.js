"use strict";
// Where the page gets its data: the tracer's API, or the data embedded in an exported file.
window.sw = window.sw || {};

sw.embedded = () => {
  const element = document.getElementById("embedded");
  return element ? JSON.parse(element.textContent) : null;
};

sw.Source = class {
  constructor() {
    this.embedded = sw.embedded();
  }

  async get(path, query = {}) {
    if (this.embedded) return this.#fromFile(path);
    const parameters = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "" && value !== null));
    const response = await fetch(`${path}${parameters.size ? `?${parameters}` : ""}`, { headers: { Accept: "application/json" } });
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

  // Calls `onMessage` with each message; returns a function that stops it. Nothing is live in a file.
  listen(onMessage, setState) {
    if (this.embedded) {
      setState("a recording");
      return () => {};
    }
    const events = new EventSource("tail?payload=false");
    events.onopen = () => setState("live");
    events.onerror = () => setState("not connected");
    events.onmessage = (event) => onMessage(JSON.parse(event.data));
    return () => events.close();
  }
};
