"use strict";
// A story as a sequence diagram: a column for every participant, wide enough for its name, and a row for every message.
// Only rows in view are drawn. Where there is no room for columns, a message is two lines of text.
(() => {
  const GUTTER = 78, LEAST = 118, ROW = 34, LOW = 52, SPREAD = 900, AROUND = 200, NARROW = 640;
  const HEAD = "600 12px system-ui, sans-serif";

  sw.FAILED = ["dropped", "returned", "unanswered", "failed"];
  sw.KINDS = [
    ["http", "HTTP request"], ["call", "call"], ["reply", "reply"], ["cast", "cast, fanout"], ["notification", "notification"],
    ["crossing", "property transfer"], ["sql", "database"],
  ];
  const group = (kind) => (kind === "fanout" ? "cast" : kind === "progress" ? "reply" : kind);

  sw.Diagram = class {
    #container; #rows; #head; #all; #arrows = []; #participants; #left = []; #tops = []; #chosen = -1; #drawn = null; #byTime = false;
    #folded = true; #hidden = new Set(); #open; #waiting = false; #narrow = false;

    constructor(container, story, open, { folded = true, hidden = [] } = {}) {
      this.#container = container;
      this.#all = story.arrows;
      this.#folded = folded;
      this.#hidden = new Set(hidden);
      this.#participants = [...story.lanes.filter((one) => one !== "notifications"), ...story.lanes.filter((one) => one === "notifications")];
      this.#open = open;
      this.#rows = sw.el("div", { class: "rows" });
      this.#head = sw.el("div", { class: "participants" });
      container.replaceChildren(this.#head, this.#rows);
      container.addEventListener("scroll", () => this.#later(), { passive: true });
      new ResizeObserver(() => this.#layOut()).observe(container);
      this.#layOut();
    }

    get length() { return this.#arrows.length; }
    get chosen() { return this.#chosen; }
    get folded() { return this.#folded; }

    set byTime(on) { this.#byTime = on; this.#again(); }
    set folded(on) { this.#folded = on; this.#again(); }
    set hidden(kinds) { this.#hidden = new Set(kinds); this.#again(); }

    // The kinds that the story has, with how many messages of each.
    counts() {
      const found = new Map();
      for (const arrow of this.#all) found.set(group(arrow.kind), (found.get(group(arrow.kind)) ?? 0) + 1);
      return found;
    }

    choose(at, open = true) {
      if (at < 0 || at >= this.#arrows.length) return;
      this.#chosen = at;
      const top = this.#tops[at], view = this.#container;
      if (top < view.scrollTop || top + ROW > view.scrollTop + view.clientHeight - 60) {
        view.scrollTop = Math.max(0, top - view.clientHeight / 2);
      }
      this.#draw(true);
      if (open) this.#open(this.#arrows[at], at);
    }

    chooseNumber(number) {
      const at = this.#arrows.findIndex((arrow) => arrow.number === number || arrow.end_number === number);
      this.choose(at);
    }

    // -- layout

    get #width() { return this.#narrow ? this.#container.clientWidth : this.#left[this.#left.length - 1]; }
    get #row() { return this.#narrow ? LOW : ROW; }

    #x(participant) {
      const at = this.#participants.indexOf(participant);
      return at < 0 ? GUTTER + 8 : (this.#left[at] + this.#left[at + 1]) / 2;
    }

    #again() {
      const number = this.#arrows[this.#chosen]?.number;
      this.#layOut();
      this.#chosen = this.#arrows.findIndex((arrow) => arrow.number === number);
      if (this.#chosen >= 0) this.choose(this.#chosen, false);
    }

    #layOut() {
      this.#narrow = this.#container.clientWidth < NARROW;
      this.#arrows = this.#all.filter((arrow) => !this.#hidden.has(group(arrow.kind)) && !(this.#folded && arrow.start_number !== null && arrow.start_number !== undefined));
      // each column is as wide as its name, and what room there is is shared
      const widths = this.#participants.map((name) => Math.max(LEAST, ...name.split("@").map((part) => sw.textWidth(part, HEAD) + 30)));
      const spare = Math.max(0, this.#container.clientWidth - GUTTER - 16 - widths.reduce((sum, width) => sum + width, 0));
      this.#left = [GUTTER];
      for (const width of widths) this.#left.push(this.#left[this.#left.length - 1] + width + Math.min(90, spare / widths.length));
      const first = this.#arrows.length ? this.#arrows[0].time : 0;
      const last = this.#arrows.length ? this.#arrows[this.#arrows.length - 1].time : 0;
      const scale = last > first ? Math.max(SPREAD, this.#arrows.length * this.#row) / (last - first) : 0;
      let next = 0;
      this.#tops = this.#arrows.map((arrow) => {
        const top = this.#byTime ? Math.max(next, (arrow.time - first) * scale) : next;
        next = top + this.#row;
        return top;
      });
      this.#rows.style.height = `${next + ROW}px`;
      this.#rows.style.width = `${this.#width}px`;
      this.#head.hidden = this.#narrow;
      this.#head.replaceChildren(this.#header());
      this.#draw(true);
    }

    // -- drawing

    #header() {
      const svg = sw.svg("svg", { width: this.#width, height: 42, role: "img", "aria-label": "participants" });
      for (const participant of this.#participants) {
        const [name, ...host] = participant.split("@"), x = this.#x(participant);
        svg.append(sw.svg("text", { class: "who", x, y: host.length ? 18 : 25, "text-anchor": "middle" }, name, sw.svg("title", {}, participant)));
        if (host.length) svg.append(sw.svg("text", { class: "when", x, y: 33, "text-anchor": "middle" }, host.join("@")));
      }
      return svg;
    }

    #later() {
      if (this.#waiting) return;
      this.#waiting = true;
      requestAnimationFrame(() => { this.#waiting = false; this.#draw(); });
    }

    #draw(force = false) {
      const view = this.#container, from = Math.max(0, view.scrollTop), to = view.scrollTop + view.clientHeight;
      if (!force && this.#drawn && this.#drawn[0] <= from && this.#drawn[1] >= Math.min(to, this.#rows.offsetHeight)) return;
      const top = Math.max(0, from - AROUND), end = Math.min(to + AROUND, this.#rows.offsetHeight || to);
      const svg = sw.svg("svg", { width: this.#width, height: Math.max(0, end - top) });
      svg.style.cssText = `position:absolute;left:0;top:${top}px`;
      if (!this.#narrow) {
        for (const participant of this.#participants) {
          svg.append(sw.svg("line", { class: "lifeline", x1: this.#x(participant), x2: this.#x(participant), y1: 0, y2: end - top }));
        }
      }
      for (let at = this.#firstRowBelow(top - this.#row); at < this.#arrows.length && this.#tops[at] < end; at++) {
        svg.append(this.#rowOf(this.#arrows[at], at, this.#tops[at] - top));
      }
      this.#rows.replaceChildren(svg);
      this.#drawn = [top, end];
    }

    #firstRowBelow(top) {
      let low = 0, high = this.#tops.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (this.#tops[middle] < top) low = middle + 1; else high = middle;
      }
      return low;
    }

    #rowOf(arrow, at, top) {
      const failed = arrow.failure || sw.FAILED.includes(arrow.state);
      const row = sw.svg("g", {
        class: `row k-${arrow.kind}${failed ? " failed" : ""}${at === this.#chosen ? " chosen" : ""}`,
        transform: `translate(0 ${top})`, "data-at": at,
      });
      const title = `${sw.kind(arrow.kind)} ${arrow.name}: ${arrow.sender || "?"} to ${arrow.receiver || "?"}${arrow.failure ? `, ${arrow.failure}` : ""}`;
      row.append(
        sw.svg("rect", { class: "hit", x: 0, y: 0, width: this.#width, height: this.#row }),
        ...(this.#narrow ? this.#lines(arrow) : this.#line(arrow)), sw.svg("title", {}, title),
      );
      row.addEventListener("click", () => this.choose(at));
      return row;
    }

    #since(arrow) { return `+${sw.ms(arrow.time - this.#arrows[0].time)}`; }

    // Two lines of text: what, and from whom to whom.
    #lines(arrow) {
      const room = this.#width - 28, since = this.#since(arrow);
      const ends = `${sw.kind(arrow.kind)}, ${arrow.sender || "?"} → ${arrow.receiver || "?"}`;
      return [
        sw.svg("rect", { class: "mark", x: 8, y: 9, width: 3, height: LOW - 18 }),
        sw.svg("text", { class: "name", x: 18, y: 21 }, sw.fitted(sw.caption(arrow), room, "13px system-ui, sans-serif")),
        sw.svg("text", { class: "when", x: 18, y: 40 }, sw.fitted(ends, room - sw.textWidth(since) - 12, "11px system-ui, sans-serif")),
        sw.svg("text", { class: "when", x: this.#width - 10, y: 40, "text-anchor": "end" }, since),
      ];
    }

    // An arrow with its caption above it. A caption may be longer than its arrow: no other is in its row.
    #line(arrow) {
      const from = this.#x(arrow.sender), to = this.#x(arrow.receiver), y = 25, way = to >= from ? 1 : -1;
      const parts = [sw.svg("text", { class: "when", x: GUTTER - 10, y: 21, "text-anchor": "end" }, this.#since(arrow))];
      if (from === to) {
        parts.push(sw.svg("path", { class: "arrow", d: `M${from} ${y - 9} h26 v9 h-20` }), sw.svg("path", { class: "head", d: `M${from + 2} ${y} l8 -4 v8 z` }));
      } else {
        const end = to - way * 1.5;
        parts.push(sw.svg("line", { class: "arrow", x1: from, x2: end - way * 7, y1: y, y2: y }), sw.svg("path", { class: "head", d: `M${end} ${y} l${-way * 9} -4.5 v9 z` }));
      }
      const left = Math.min(from, to) + (from === to ? 34 : 10), right = Math.max(from, to) - 10, caption = sw.caption(arrow);
      const toTheEdge = this.#width - left - 8, width = sw.textWidth(caption);
      const backwards = width > toTheEdge && right - GUTTER > toTheEdge && from !== to;
      const room = backwards ? right - GUTTER - 8 : toTheEdge;
      parts.push(sw.svg("text", { class: "name", x: backwards ? right : left, y: 17, "text-anchor": backwards ? "end" : "start" }, sw.fitted(caption, room)));
      return parts;
    }
  };

  // What a message is called in a diagram, with what came of it.
  sw.caption = (arrow) => {
    const label = arrow.kind === "http" ? (arrow.label === arrow.name ? arrow.name : `${arrow.label} (${arrow.name.split(" ")[0]})`) : (arrow.label ?? arrow.name);
    const more = [];
    if (arrow.status) more.push(arrow.status);
    else if (arrow.failure) more.push(arrow.failure);
    else if (sw.FAILED.includes(arrow.state)) more.push(sw.state(arrow.state));
    if (arrow.end_number && arrow.end_seconds !== null) more.push(`start to end ${sw.ms(arrow.end_seconds)}`);
    else if (arrow.answer_seconds !== null && arrow.answer_seconds !== undefined) more.push(sw.ms(arrow.answer_seconds));
    if (arrow.deliveries > 1) more.push(`×${arrow.deliveries}`);
    if (arrow.redelivered) more.push("redelivered");
    return [label, ...more].join(" · ");
  };
})();
