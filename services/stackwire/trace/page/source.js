"use strict";
// Where the page gets what it shows: the tracer's API beside it, or data that an exported file carries.
window.sw = window.sw || {};

sw.carried = () => {
  const place = document.getElementById("carried");
  return place ? JSON.parse(place.textContent) : null;
};

sw.Source = class {
  constructor() {
    this.carried = sw.carried();
  }

  async get(path, query = {}) {
    if (this.carried) return this.#fromFile(path);
    const words = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "" && value !== null));
    const answer = await fetch(`${path}${words.size ? `?${words}` : ""}`, { headers: { Accept: "application/json" } });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.error ? told.error.message : `${answer.status}`);
    return told;
  }

  #fromFile(path) {
    const [what, ...rest] = path.split("/").map(decodeURIComponent);
    const { stories, lineages } = this.carried;
    if (what === "stories" && !rest.length) return { stories: stories.map(({ arrows, ...summary }) => summary), bounds: {} };
    if (what === "stories") return { stories: stories.filter((one) => one.id === rest[0] || one.request_ids.includes(rest[0])) };
    if (what === "resources") return { resources: lineages.map((one) => one.resource) };
    if (what === "lineage") {
      const found = lineages.find((one) => `${one.resource.kind}:${one.resource.id}` === rest[0]);
      if (found) return found;
    }
    if (what === "messages") {
      const arrow = stories.flatMap((one) => one.arrows).find((one) => String(one.number) === rest[0]);
      if (arrow) return arrow;
    }
    throw new Error("This file does not carry it.");
  }

  // Calls `heard` with each message; returns how to stop. Nothing is live in a file.
  listen(heard, state) {
    if (this.carried) {
      state("a recording");
      return () => {};
    }
    const events = new EventSource("tail?payload=false");
    events.onopen = () => state("live");
    events.onerror = () => state("not connected");
    events.onmessage = (event) => heard(JSON.parse(event.data));
    return () => events.close();
  }
};
