// A brush on the pixels of a mask. The mask is an array of 0 and 1, one entry a px: what is saved is
// exactly that, whatever the canvas makes of colours.

import { author, boot, isTyping, say, text } from "./common.js";

const find = (id) => document.getElementById(id);
const TOOLS = ["add", "remove", "erase"], ZOOMS = [0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 16];
const MOST_UNDOS = 60;

export function openBrush(tile, onClose) {
  const brush = new Brush(tile, onClose);
  brush.start().catch((error) => { say(error.message, true); brush.close(false); });
  return brush;
}

class Brush {
  constructor(tile, onClose) {
    this.tile = tile;
    this.onClose = onClose;
    this.canvas = find("brush-canvas");
    this.view = find("brush-view");
    this.tool = "add";
    this.undos = [];
    this.ends = new AbortController();
  }

  async start() {
    const name = encodeURIComponent(this.tile.id);
    const [answer, picture] = await Promise.all([fetch(`/mask/${name}`), loaded(`/picture/${name}?v=${this.tile.v}`)]);
    if (!answer.ok) throw new Error((await answer.json()).error);
    this.width = Number(answer.headers.get("x-width"));
    this.height = Number(answer.headers.get("x-height"));
    this.mask = new Uint8Array(await answer.arrayBuffer());
    this.before = this.mask.slice();
    this.canvas.width = this.width;
    this.canvas.height = this.height;
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
    this.context.drawImage(picture, 0, 0, this.width, this.height);
    this.ground = this.context.getImageData(0, 0, this.width, this.height);
    find("brush").hidden = false;
    this.setZoom(this.fitting());
    this.wire();
    this.paint();
    this.view.focus();
  }

  fitting() {
    const room = Math.min(this.view.clientWidth / this.width, this.view.clientHeight / this.height);
    return ZOOMS.filter((zoom) => zoom <= room).at(-1) ?? ZOOMS[0];
  }

  setZoom(zoom) {
    this.zoom = zoom;
    this.canvas.style.width = `${this.width * zoom}px`;
    this.canvas.style.height = `${this.height * zoom}px`;
    find("zoom").textContent = `${Math.round(zoom * 100)} %`;
  }

  stepZoom(step) {
    const at = ZOOMS.indexOf(this.zoom);
    const centre = [(this.view.scrollLeft + this.view.clientWidth / 2) / this.zoom, (this.view.scrollTop + this.view.clientHeight / 2) / this.zoom];
    this.setZoom(ZOOMS[Math.max(0, Math.min(ZOOMS.length - 1, at + step))]);
    this.view.scrollTo(centre[0] * this.zoom - this.view.clientWidth / 2, centre[1] * this.zoom - this.view.clientHeight / 2);
  }

  // Outside the person the picture is darkened; what changed is tinted.
  paint(x0 = 0, y0 = 0, x1 = this.width, y1 = this.height) {
    [x0, y0] = [Math.max(0, Math.floor(x0)), Math.max(0, Math.floor(y0))];
    [x1, y1] = [Math.min(this.width, Math.ceil(x1)), Math.min(this.height, Math.ceil(y1))];
    if (x1 <= x0 || y1 <= y0) return;
    const part = this.context.createImageData(x1 - x0, y1 - y0);
    let to = 0;
    for (let y = y0; y < y1; y += 1) {
      for (let x = x0; x < x1; x += 1, to += 4) {
        const at = y * this.width + x, from = at * 4;
        const isIn = this.mask[at] === 1, wasIn = this.before[at] === 1;
        const share = isIn ? 1 : 0.34;
        const [r, g, b] = isIn === wasIn ? [0, 0, 0] : isIn ? [0, 90, 30] : [120, 20, 10];
        part.data[to] = this.ground.data[from] * share + r;
        part.data[to + 1] = this.ground.data[from + 1] * share + g;
        part.data[to + 2] = this.ground.data[from + 2] * share + b;
        part.data[to + 3] = 255;
      }
    }
    this.context.putImageData(part, x0, y0);
  }

  count() {
    let added = 0, removed = 0;
    for (let at = 0; at < this.mask.length; at += 1) {
      if (this.mask[at] > this.before[at]) added += 1;
      else if (this.mask[at] < this.before[at]) removed += 1;
    }
    find("brush-count").textContent = text("changed", { added, removed });
  }

  radius() { return Number(find("brush-size").value) / 2; }

  // All px whose centre lies in the disc around a point; a brush of 1 px is that px.
  disc(x, y, value) {
    const radius = Math.max(this.radius(), 0.5);
    for (let row = Math.max(0, Math.floor(y - radius)); row <= Math.min(this.height - 1, y + radius); row += 1) {
      for (let column = Math.max(0, Math.floor(x - radius)); column <= Math.min(this.width - 1, x + radius); column += 1) {
        if (radius === 0.5 ? Math.floor(x) === column && Math.floor(y) === row : (column + 0.5 - x) ** 2 + (row + 0.5 - y) ** 2 <= radius ** 2) {
          this.mask[row * this.width + column] = value;
        }
      }
    }
    this.paint(x - radius - 1, y - radius - 1, x + radius + 2, y + radius + 2);
  }

  stroke(to) {
    const [x0, y0] = this.last ?? to, [x1, y1] = to;
    const steps = Math.max(1, Math.ceil(Math.hypot(x1 - x0, y1 - y0) / Math.max(0.5, this.radius() / 2)));
    for (let step = 1; step <= steps; step += 1) {
      this.disc(x0 + ((x1 - x0) * step) / steps, y0 + ((y1 - y0) * step) / steps, this.tool === "add" ? 1 : 0);
    }
    this.last = to;
  }

  // Remove the connected part of the mask under a point, corners included.
  erase([x, y]) {
    const start = Math.floor(y) * this.width + Math.floor(x);
    if (this.mask[start] !== 1) return;
    const stack = [start];
    this.mask[start] = 0;
    while (stack.length) {
      const at = stack.pop(), column = at % this.width;
      for (const step of [-this.width - 1, -this.width, -this.width + 1, -1, 1, this.width - 1, this.width, this.width + 1]) {
        const next = at + step, gap = Math.abs((next % this.width) - column);
        if (next >= 0 && next < this.mask.length && gap <= 1 && this.mask[next] === 1) {
          this.mask[next] = 0;
          stack.push(next);
        }
      }
    }
    this.paint();
  }

  remember() {
    this.undos.push(this.mask.slice());
    if (this.undos.length > MOST_UNDOS) this.undos.shift();
  }

  undo() {
    const mask = this.undos.pop();
    if (!mask) return;
    this.mask = mask;
    this.paint();
    this.count();
  }

  setTool(tool) {
    this.tool = tool;
    for (const button of document.querySelectorAll(".tool")) {
      button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
    }
  }

  pointOf(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / this.zoom, (event.clientY - box.top) / this.zoom];
  }

  wire() {
    const { signal } = this.ends;
    const on = (place, name, work, options = {}) => place.addEventListener(name, work, { signal, ...options });
    on(this.canvas, "pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      this.view.focus();
      this.remember();
      const point = this.pointOf(event);
      if (this.tool === "erase") { this.erase(point); this.count(); return; }
      this.canvas.setPointerCapture(event.pointerId);
      this.last = null;
      this.isDown = true;
      this.stroke(point);
    });
    on(this.canvas, "pointermove", (event) => {
      if (!this.isDown) return;
      for (const part of event.getCoalescedEvents?.() ?? [event]) this.stroke(this.pointOf(part));
    });
    on(this.canvas, "pointerup", () => { if (this.isDown) { this.isDown = false; this.count(); } });
    on(this.view, "wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      this.stepZoom(event.deltaY < 0 ? 1 : -1);
    }, { passive: false });
    for (const button of document.querySelectorAll(".tool")) on(button, "click", () => this.setTool(button.dataset.tool));
    on(find("zoom-in"), "click", () => this.stepZoom(1));
    on(find("zoom-out"), "click", () => this.stepZoom(-1));
    on(find("brush-undo"), "click", () => this.undo());
    on(find("brush-cancel"), "click", () => this.close(false));
    on(find("brush-save"), "click", () => this.save());
    on(document, "keydown", (event) => this.onKey(event));
  }

  onKey(event) {
    if (isTyping(event)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const size = find("brush-size");
    if (key >= "1" && key <= "3") this.setTool(TOOLS[Number(key) - 1]);
    else if (key === "z") this.undo();
    else if (key === "s") this.save();
    else if (key === "Escape") this.close(false);
    else if (key === "+" || key === "=") this.stepZoom(1);
    else if (key === "-") this.stepZoom(-1);
    else if (key === "[") size.value = Number(size.value) - 2;
    else if (key === "]") size.value = Number(size.value) + 2;
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  async save() {
    if (this.isSaving) return;
    this.isSaving = true;
    try {
      const response = await fetch(`/api/draw/${encodeURIComponent(this.tile.id)}?author=${encodeURIComponent(author())}`, {
        method: "POST",
        headers: {
          "content-type": "application/octet-stream", "x-desk-csrf": boot.csrf,
          "x-width": this.width, "x-height": this.height,
        },
        body: this.mask,
      });
      const answer = await response.json();
      if (!response.ok) throw new Error(answer.error);
      say(text("saved", answer));
      this.close(true);
    } catch (error) {
      say(error.message === "Failed to fetch" ? text("no.answer") : error.message, true);
    } finally {
      this.isSaving = false;
    }
  }

  close(isSaved) {
    this.ends.abort();
    find("brush").hidden = true;
    find("brush-count").textContent = "";
    this.onClose(isSaved);
  }
}

function loaded(address) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error(text("no.answer")));
    image.src = address;
  });
}
