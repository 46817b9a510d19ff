// A grid of a hundred thousand tiles of which only those in sight exist.

const GAP = 6, CAPTION = 20, HEAD = 28, MARGIN_ROWS = 2, PAGE = 120;

export class Grid {
  // `load(from, n)` returns a promise of tiles; `draw(place, tile, position)` fills one.
  constructor(place, load, draw) {
    this.place = place;
    this.canvas = place.firstElementChild;
    this.load = load;
    this.draw = draw;
    this.tiles = new Map(); // by position
    this.asked = new Set();
    this.shown = new Map(); // elements by position
    this.heads = new Map();
    this.few = 0; // how many of a group are shown; 0: all
    place.addEventListener("scroll", () => this.render(), { passive: true });
    new ResizeObserver(() => this.layout()).observe(place);
  }

  // `starts` are the positions at which groups begin, with the total at the end.
  show(starts, labels, size, first = []) {
    this.starts = starts;
    this.labels = labels;
    this.size = size;
    this.total = starts.at(-1) ?? 0;
    this.generation = (this.generation ?? 0) + 1;
    this.tiles.clear();
    this.asked.clear();
    first.forEach((tile, position) => this.tiles.set(position, tile));
    this.clear();
    this.layout();
  }

  clear() {
    for (const made of this.shown.values()) made.remove();
    for (const made of this.heads.values()) made.remove();
    this.shown.clear();
    this.heads.clear();
  }

  layout() {
    if (!this.starts) return;
    const width = this.place.clientWidth - 16;
    this.columns = Math.max(1, Math.floor((width + GAP) / (this.size + GAP)));
    this.width = Math.floor((width + GAP) / this.columns) - GAP;
    this.height = Math.round(this.width * 1.25) + CAPTION;
    this.step = this.height + GAP;
    const head = this.labels.length ? HEAD : 0;
    this.tops = new Float64Array(this.starts.length);
    let top = 0;
    for (let group = 0; group + 1 < this.starts.length; group += 1) {
      this.tops[group] = top;
      top += head + Math.ceil(this.inGroup(group) / this.columns) * this.step;
    }
    this.tops[this.starts.length - 1] = top;
    this.canvas.style.height = `${top}px`;
    this.clear();
    this.render();
  }

  // Crops that are like no other are one group without a label: each stands for itself.
  isLoose(group) { return this.labels[group] === ""; }

  groupSize(group) { return this.starts[group + 1] - this.starts[group]; }

  inGroup(group) {
    const size = this.groupSize(group);
    return this.few && !this.isLoose(group) ? Math.min(this.few, size) : size;
  }

  // The group of a position, by bisection.
  groupOf(position) {
    let low = 0, high = this.starts.length - 2;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.starts[middle] <= position) low = middle; else high = middle - 1;
    }
    return low;
  }

  groupAt(y) {
    let low = 0, high = this.starts.length - 2;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.tops[middle] <= y) low = middle; else high = middle - 1;
    }
    return low;
  }

  placeOf(position) {
    const group = this.groupOf(position);
    const number = position - this.starts[group];
    const head = this.labels.length ? HEAD : 0;
    return {
      left: (number % this.columns) * (this.width + GAP),
      top: this.tops[group] + head + Math.floor(number / this.columns) * this.step,
    };
  }

  // The positions in sight, with some rows around them.
  *inSight() {
    const from = this.place.scrollTop - MARGIN_ROWS * this.step;
    const to = this.place.scrollTop + this.place.clientHeight + MARGIN_ROWS * this.step;
    const head = this.labels.length ? HEAD : 0;
    for (let group = this.groupAt(Math.max(0, from)); group + 1 < this.starts.length; group += 1) {
      if (this.tops[group] > to) return;
      const above = Math.max(0, Math.floor((from - this.tops[group] - head) / this.step));
      const below = Math.floor((to - this.tops[group] - head) / this.step);
      const first = above * this.columns;
      const last = Math.min(this.inGroup(group), (below + 1) * this.columns);
      if (head) this.heading(group);
      for (let number = first; number < last; number += 1) yield this.starts[group] + number;
    }
  }

  heading(group) {
    if (this.heads.has(group)) return;
    const made = document.createElement("div");
    made.className = "group-head";
    made.style.top = `${this.tops[group]}px`;
    const name = document.createElement("b");
    name.textContent = this.labels[group] || this.loose;
    made.append(name, ` ${this.groupSize(group)}`);
    this.canvas.append(made);
    this.heads.set(group, made);
  }

  render() {
    if (!this.starts || !this.total) return;
    const wanted = new Set(this.inSight());
    for (const [position, made] of this.shown) {
      if (!wanted.has(position)) {
        made.remove();
        this.shown.delete(position);
      }
    }
    if (this.heads.size > 400) {
      for (const made of this.heads.values()) made.remove();
      this.heads.clear();
      wanted.forEach((position) => this.labels.length && this.heading(this.groupOf(position)));
    }
    for (const position of wanted) this.ensure(position);
    this.fetchMissing(wanted);
  }

  ensure(position) {
    let made = this.shown.get(position);
    if (!made) {
      made = document.createElement("div");
      made.className = "tile waiting";
      made.id = `tile-${position}`;
      made.dataset.position = position;
      made.setAttribute("role", "option");
      const { left, top } = this.placeOf(position);
      made.style.left = `${left}px`;
      made.style.top = `${top}px`;
      made.style.width = `${this.width}px`;
      made.style.height = `${this.height}px`;
      this.canvas.append(made);
      this.shown.set(position, made);
    }
    const tile = this.tiles.get(position);
    if (tile && made.classList.contains("waiting")) {
      made.classList.remove("waiting");
      this.draw(made, tile, position);
    }
    return made;
  }

  async fetchMissing(wanted) {
    const pages = new Set();
    for (const position of wanted) {
      if (!this.tiles.has(position)) pages.add(Math.floor(position / PAGE));
    }
    const { generation } = this;
    await Promise.all([...pages].filter((page) => !this.asked.has(page)).map(async (page) => {
      this.asked.add(page);
      const answer = await this.load(page * PAGE, PAGE).catch(() => null);
      if (generation !== this.generation) return;
      if (!answer) { this.asked.delete(page); return; }
      answer.forEach((tile, number) => this.tiles.set(page * PAGE + number, tile));
      for (const position of this.shown.keys()) this.ensure(position);
      this.onload?.();
    }));
  }

  // Draw tiles anew, all of them or those at some positions.
  redraw(positions = this.shown.keys()) {
    for (const position of positions) {
      const made = this.shown.get(position), tile = this.tiles.get(position);
      if (made && tile) this.draw(made, tile, position);
    }
  }

  reveal(position) {
    const { top } = this.placeOf(position);
    const head = this.labels.length ? HEAD : 0;
    if (top - head < this.place.scrollTop) this.place.scrollTop = Math.max(0, top - head);
    else if (top + this.step > this.place.scrollTop + this.place.clientHeight) {
      this.place.scrollTop = top + this.step - this.place.clientHeight + 8;
    }
    this.render();
  }

  // Where an arrow leads from a position; groups may hide all but a few of theirs.
  neighbour(position, key) {
    const group = this.groupOf(position), number = position - this.starts[group];
    const last = (of) => this.starts[of] + this.inGroup(of) - 1;
    const groups = this.starts.length - 1;
    switch (key) {
      case "ArrowRight":
        return position < last(group) ? position + 1 : this.starts[Math.min(group + 1, groups - 1)] > position ? this.starts[group + 1] : position;
      case "ArrowLeft":
        return number > 0 ? position - 1 : group > 0 ? last(group - 1) : position;
      case "ArrowDown":
        if (number + this.columns < this.inGroup(group)) return position + this.columns;
        if (Math.floor(number / this.columns) < Math.floor((this.inGroup(group) - 1) / this.columns)) return last(group);
        return group + 1 < groups ? Math.min(last(group + 1), this.starts[group + 1] + (number % this.columns)) : position;
      case "ArrowUp": {
        if (number >= this.columns) return position - this.columns;
        if (group === 0) return position;
        const rows = Math.floor((this.inGroup(group - 1) - 1) / this.columns) * this.columns;
        return Math.min(last(group - 1), this.starts[group - 1] + rows + (number % this.columns));
      }
      case "Home": return 0;
      case "End": return last(groups - 1);
      case "PageDown": case "PageUp": {
        const rows = Math.max(1, Math.floor(this.place.clientHeight / this.step) - 1);
        let at = position;
        for (let row = 0; row < rows; row += 1) at = this.neighbour(at, key === "PageDown" ? "ArrowDown" : "ArrowUp");
        return at;
      }
      default: return position;
    }
  }
}
