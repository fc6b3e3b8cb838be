"use strict";
// Rows of one height, of which only those in view exist: fifty thousand scroll like fifty.
(() => {
  const AROUND = 200;

  sw.Rows = class {
    #place; #inner; #height; #count = 0; #make; #fill; #rows = new Map(); #drawn = [0, 0]; #waiting = false;

    // `make()` makes the element of a row, `fill(element, at)` shows row `at` in it. `place` scrolls.
    constructor(place, height, make, fill) {
      this.#place = place;
      this.#height = height;
      this.#make = make;
      this.#fill = fill;
      this.#inner = sw.el("div", { class: "rows" });
      place.append(this.#inner);
      place.addEventListener("scroll", () => this.#later(), { passive: true });
      new ResizeObserver(() => this.draw()).observe(place);
    }

    set count(count) {
      const atEnd = this.#place.scrollTop + this.#place.clientHeight >= this.#place.scrollHeight - this.#height;
      this.#count = count;
      this.#inner.style.height = `${count * this.#height}px`;
      this.draw();
      if (atEnd) this.#place.scrollTop = this.#place.scrollHeight;
    }

    show(at) {
      const top = at * this.#height;
      if (top < this.#place.scrollTop || top + this.#height > this.#place.scrollTop + this.#place.clientHeight - 40) {
        this.#place.scrollTop = Math.max(0, top - this.#place.clientHeight / 2);
      }
      this.draw();
    }

    draw() {
      for (const [at, row] of this.#rows) if (at < this.#count) this.#fill(row, at);
      this.#drawn = [0, 0];
      this.#draw();
    }

    #later() {
      if (this.#waiting) return;
      this.#waiting = true;
      requestAnimationFrame(() => { this.#waiting = false; this.#draw(); });
    }

    #draw() {
      const above = this.#inner.offsetTop, height = this.#height;
      const top = this.#place.scrollTop - above, end = top + this.#place.clientHeight;
      if (this.#drawn[1] > this.#drawn[0] && this.#drawn[0] * height <= Math.max(0, top) && this.#drawn[1] * height >= Math.min(end, this.#count * height)) return;
      const from = Math.max(0, Math.floor((top - AROUND) / height)), to = Math.min(this.#count, Math.ceil((end + AROUND) / height));
      // Elements of rows that are out of view show those that come into it.
      const free = [];
      for (const [at, row] of this.#rows) {
        if (at >= from && at < to) continue;
        this.#rows.delete(at);
        free.push(row);
      }
      for (let at = from; at < to; at++) {
        if (this.#rows.has(at)) continue;
        const row = free.pop() ?? this.#inner.appendChild(this.#make());
        row.style.transform = `translateY(${at * height}px)`;
        this.#fill(row, at);
        this.#rows.set(at, row);
      }
      for (const row of free) row.remove();
      this.#drawn = [from, to];
    }
  };
})();
