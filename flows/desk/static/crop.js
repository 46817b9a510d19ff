// A crop's page: its pictures in layers, decisions by key, the brush.

import { boot, element, isTyping, nameOf } from "./common.js";
import { openBrush } from "./brush.js";
import { KEYS, askReason, byWhom, decide, markOf } from "./deciding.js";

const LAYERS = ["mask", "pose", "box", "others"], SHOWS = ["picture", "cutout", "light", "alpha"];
const find = (id) => document.getElementById(id);
const state = { tile: boot.tiles[0], show: "picture", layers: new Set(["mask"]), machine: false, brush: null };

function draw() {
  const { tile } = state;
  const machine = state.machine ? "&machine=1" : "";
  const name = encodeURIComponent(tile.id);
  find("picture").src = `/thumb/${name}?show=${state.show}&px=1600&v=${tile.v}${machine}`;
  const over = find("overlay");
  over.hidden = !state.layers.size;
  if (state.layers.size) over.src = `/overlay/${name}?layers=${[...state.layers].join(",")}&v=${tile.v}${machine}`;
  press("[data-show]", (button) => button.dataset.show === state.show);
  press("[data-layer]", (button) => state.layers.has(button.dataset.layer));
  find("machine")?.setAttribute("aria-pressed", String(state.machine));
  const verdict = find("crop-verdict");
  verdict.className = `verdict ${tile.verdict}`;
  verdict.textContent = nameOf("verdict", tile.verdict);
  find("mark").replaceChildren(...(tile.mark ? [element("b", "", markOf(tile)), ` (${byWhom(tile)})`] : []));
}

function press(selector, isPressed) {
  for (const button of document.querySelectorAll(selector)) {
    button.setAttribute("aria-pressed", String(isPressed(button)));
  }
}

function toggleLayer(name) {
  if (!state.layers.delete(name)) state.layers.add(name);
  draw();
}

function setShow(name) {
  state.show = name;
  draw();
}

async function act(action) {
  const reason = action === "drop" ? await askReason() : "";
  if (reason === null) return;
  const answer = await decide(action, reason, [state.tile.id], "one", boot.query);
  const own = answer?.tiles.find((tile) => tile.id === state.tile.id);
  if (own) state.tile = own;
  draw();
}

function follow(id) {
  const link = find(id);
  if (link) location.replace(link.href);
}

async function brush() {
  if (state.brush || !find("brush-button")) return;
  find("stage").hidden = true;
  state.brush = openBrush(state.tile, (saved) => {
    state.brush = null;
    find("stage").hidden = false;
    // The measures, the masks and who corrected them are on the page as well.
    if (saved) location.reload(); else find("brush-button").focus();
  });
}

function onKey(event) {
  if (isTyping(event) || state.brush) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.target.tagName === "BUTTON" && (key === " " || key === "Enter")) return;
  if (key in KEYS) act(KEYS[key]);
  else if (key === "ArrowLeft" || key === "[") follow("previous");
  else if (key === "ArrowRight" || key === "]") follow("next");
  else if (key === "Escape") location.href = find("back").href;
  else if (key === "e") brush();
  else if (key === "s") setShow(SHOWS[(SHOWS.indexOf(state.show) + 1) % SHOWS.length]);
  else if (key >= "1" && key <= "4") toggleLayer(LAYERS[Number(key) - 1]);
  else return;
  event.preventDefault();
}

document.addEventListener("keydown", onKey);
for (const button of document.querySelectorAll("[data-show]")) button.addEventListener("click", () => setShow(button.dataset.show));
for (const button of document.querySelectorAll("[data-layer]")) button.addEventListener("click", () => toggleLayer(button.dataset.layer));
for (const button of document.querySelectorAll("[data-act]")) button.addEventListener("click", () => act(button.dataset.act));
find("machine")?.addEventListener("click", () => { state.machine = !state.machine; draw(); });
find("brush-button")?.addEventListener("click", brush);
draw();
