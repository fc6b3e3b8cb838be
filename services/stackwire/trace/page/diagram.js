"use strict";
// A story as a sequence diagram: a column for every participant, a row for every message. Ten thousand rows are fast,
// because only those in view are drawn.
(() => {
  const GUTTER = 96, COLUMN = 168, ROW = 30, SPREAD = 900, AROUND = 300;

  sw.Diagram = class {
    #container; #rows; #arrows; #participants; #tops = []; #chosen = -1; #drawn = null; #byTime = false; #open;

    constructor(container, story, open) {
      this.#container = container;
      this.#arrows = story.arrows;
      this.#participants = story.lanes;
      this.#open = open;
      this.#rows = sw.el("div", { class: "rows" });
      container.replaceChildren(sw.el("div", { class: "participants" }, this.#header()), this.#rows);
      container.addEventListener("scroll", () => this.#draw(), { passive: true });
      new ResizeObserver(() => this.#draw(true)).observe(container);
      this.#layOut();
    }

    get length() { return this.#arrows.length; }
    get chosen() { return this.#chosen; }

    set byTime(on) {
      this.#byTime = on;
      this.#layOut();
      if (this.#chosen >= 0) this.choose(this.#chosen, false);
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
      this.choose(this.#arrows.findIndex((arrow) => arrow.number === number));
    }

    // -- layout

    get #width() { return GUTTER + this.#participants.length * COLUMN; }

    #x(participant) {
      const at = this.#participants.indexOf(participant);
      return at < 0 ? GUTTER / 2 + 30 : GUTTER + at * COLUMN + COLUMN / 2;
    }

    #layOut() {
      const first = this.#arrows.length ? this.#arrows[0].time : 0;
      const last = this.#arrows.length ? this.#arrows[this.#arrows.length - 1].time : 0;
      const scale = last > first ? Math.max(SPREAD, this.#arrows.length * ROW) / (last - first) : 0;
      let next = 0;
      this.#tops = this.#arrows.map((arrow) => {
        const top = this.#byTime ? Math.max(next, (arrow.time - first) * scale) : next;
        next = top + ROW;
        return top;
      });
      this.#rows.style.height = `${next + ROW}px`;
      this.#rows.style.width = `${this.#width}px`;
      this.#draw(true);
    }

    // -- drawing

    #header() {
      const svg = sw.svg("svg", { width: this.#width, height: 34, role: "img", "aria-label": "participants" });
      for (const participant of this.#participants) {
        const text = sw.svg("text", { x: this.#x(participant), y: 21, "text-anchor": "middle" }, sw.short(participant, 24));
        text.append(sw.svg("title", {}, participant));
        svg.append(text);
      }
      return svg;
    }

    #draw(force = false) {
      const from = Math.max(0, this.#container.scrollTop - AROUND);
      const to = this.#container.scrollTop + this.#container.clientHeight + AROUND;
      if (!force && this.#drawn && this.#drawn[0] <= Math.max(0, from - AROUND + 1) && this.#drawn[1] >= to) return;
      const top = Math.max(0, from - AROUND), end = Math.min(to + AROUND, this.#rows.offsetHeight || to);
      const svg = sw.svg("svg", { width: this.#width, height: Math.max(0, end - top) });
      svg.style.cssText = `position:absolute;left:0;top:${top}px`;
      for (const participant of this.#participants) {
        svg.append(sw.svg("line", { class: "lifeline", x1: this.#x(participant), x2: this.#x(participant), y1: 0, y2: end - top }));
      }
      for (let at = this.#firstRowBelow(top - ROW); at < this.#arrows.length && this.#tops[at] < end; at++) {
        svg.append(this.#row(this.#arrows[at], at, this.#tops[at] - top));
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

    #row(arrow, at, top) {
      const failed = arrow.failure || ["dropped", "returned", "unanswered", "failed"].includes(arrow.state);
      const row = sw.svg("g", {
        class: `row k-${arrow.kind}${failed ? " failed" : ""}${at === this.#chosen ? " chosen" : ""}`,
        transform: `translate(0 ${top})`, "data-at": at,
      });
      row.append(
        sw.svg("rect", { class: "hit", x: 0, y: 0, width: this.#width, height: ROW }),
        sw.svg("text", { class: "when", x: GUTTER - 12, y: 20, "text-anchor": "end" }, `+${sw.ms(arrow.time - this.#arrows[0].time)}`),
        ...this.#line(arrow),
        sw.svg("title", {}, `${sw.kind(arrow.kind)} ${arrow.name}: ${arrow.sender || "?"} to ${arrow.receiver || "?"}${arrow.failure ? `, ${arrow.failure}` : ""}`),
      );
      row.addEventListener("click", () => this.choose(at));
      return row;
    }

    #line(arrow) {
      const from = this.#x(arrow.sender), to = this.#x(arrow.receiver), y = 23;
      const direction = to === from ? 1 : Math.sign(to - from);
      const parts = [];
      if (from === to) {
        parts.push(sw.svg("path", { class: "arrow", d: `M${from} ${y - 8} h24 v8 h-16` }));
        parts.push(sw.svg("path", { class: "head", d: `M${from + 4} ${y} l8 -4 v8 z` }));
      } else {
        const tip = to - direction * 3;
        parts.push(sw.svg("line", { class: "arrow", x1: from, x2: tip - direction * 6, y1: y, y2: y }));
        parts.push(["dropped", "returned"].includes(arrow.state)
          ? sw.svg("path", { class: "arrow", d: `M${tip - 8} ${y - 5} l10 10 m0 -10 l-10 10` })
          : sw.svg("path", { class: "head", d: `M${tip} ${y} l${-direction * 9} -4 v8 z` }));
      }
      const label = `${arrow.name}${arrow.answer_seconds === null ? "" : ` · ${sw.ms(arrow.answer_seconds)}`}${arrow.deliveries > 1 ? ` ×${arrow.deliveries}` : ""}${arrow.redelivered ? " redelivered" : ""}${arrow.failure ? ` · ${arrow.failure}` : ""}`;
      const left = Math.min(from, to) + 8, room = Math.max(Math.abs(to - from) - 16, COLUMN - 20);
      parts.push(sw.svg("text", { class: "name", x: left, y: 15 }, sw.short(label, Math.floor(room / 6.4))));
      return parts;
    }
  };
})();
