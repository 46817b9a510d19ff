// The gallery: a view in the address bar, a grid, a preview, decisions by key.

import { ask, boot, element, isTyping, nameOf, say, text } from "./common.js";
import { KEYS, SCOPES, askReason, byWhom, decide, markOf } from "./deciding.js";
import { Grid } from "./grid.js";

const LAYERS = ["mask", "pose", "box", "others"], SHOWS = ["picture", "cutout", "light", "alpha"];
const FEW = 4, POLL_MS = 5000;
const find = (id) => document.getElementById(id);

const state = {
  query: boot.query, size: boot.size, show: boot.show, layers: new Set(boot.layers), group: boot.group,
  focus: 0, anchor: 0, selected: new Set(), scope: "one", revision: boot.view.revision, busy: Promise.resolve(),
};

// What tiles are: the query without what only they show.
function selectionQuery() {
  const query = new URLSearchParams(state.query);
  for (const name of ["size", "show", "layers"]) query.delete(name);
  return query.toString();
}

const grid = new Grid(find("grid"), async (from, n) => {
  const query = selectionQuery();
  const answer = await ask(`/api/tiles?${query}&from=${from}&n=${n}`);
  return answer.tiles;
}, drawTile);

grid.loose = text("loose");

function pictureOf(tile, px) {
  return `/thumb/${encodeURIComponent(tile.id)}?show=${state.show}&px=${px}&v=${tile.v}`;
}

function overlayOf(tile) {
  return `/overlay/${encodeURIComponent(tile.id)}?layers=${[...state.layers].join(",")}&v=${tile.v}`;
}

function drawTile(place, tile, position) {
  const isSelected = state.selected.has(tile.id), isFocus = position === state.focus;
  place.className = `tile ${tile.verdict}${isSelected ? " selected" : ""}${isFocus ? " focus" : ""}`;
  place.setAttribute("aria-selected", String(isSelected));
  place.setAttribute("aria-label", `${tile.id}, ${tile.source}, ${nameOf("verdict", tile.verdict)} ${markOf(tile)}`);
  const px = Math.round(grid.width * 1.25 * Math.min(2, devicePixelRatio));
  const address = pictureOf(tile, px);
  let picture = place.querySelector(".picture");
  if (!picture) {
    picture = element("div", "picture");
    const image = element("img");
    image.alt = "";
    image.draggable = false;
    picture.append(image);
    place.append(picture, element("div", "caption"));
  }
  const image = picture.firstElementChild;
  if (image.getAttribute("src") !== address) image.src = address;
  drawOverlay(picture, tile);
  const caption = place.querySelector(".caption");
  caption.replaceChildren(element("span", `dot ${tile.verdict}`), element("span", "why", captionOf(tile)));
  place.querySelectorAll(".badge").forEach((badge) => badge.remove());
  const mark = markOf(tile);
  if (mark) place.append(element("span", `badge ${tile.mark.verdict}`, mark));
  const group = grid.groupOf(position);
  const hidden = grid.groupSize(group) - grid.inGroup(group);
  if (hidden > 0 && position === grid.starts[group] + grid.inGroup(group) - 1) {
    place.append(element("span", "badge more", text("more", { n: hidden })));
  }
}

function drawOverlay(picture, tile) {
  let over = picture.querySelector(".over");
  if (!state.layers.size) { over?.remove(); return; }
  const address = overlayOf(tile);
  if (!over) {
    over = element("img", "over");
    over.alt = "";
    picture.append(over);
  }
  if (over.getAttribute("src") !== address) over.src = address;
}

function captionOf(tile) {
  const why = tile.reason ? nameOf("rule", tile.reason) : "";
  const sorted = tile.trust === null || tile.trust === undefined ? "" : `${Math.round(tile.trust * 100)} %`;
  return [why, sorted, tile.source].filter(Boolean).join(" · ");
}

// The preview and the facts follow the focus.

function showFocus() {
  const tile = grid.tiles.get(state.focus);
  find("grid").setAttribute("aria-activedescendant", `tile-${state.focus}`);
  const facts = find("preview-facts");
  if (!tile) {
    facts.replaceChildren();
    find("facts").textContent = "";
    return;
  }
  find("preview-picture").src = pictureOf(tile, 640);
  const over = find("preview-overlay");
  over.hidden = !state.layers.size;
  if (state.layers.size) over.src = overlayOf(tile);
  const head = element("p");
  head.append(element("b", `verdict ${tile.verdict}`, nameOf("verdict", tile.verdict)), ` ${tile.id}`);
  const lines = [head];
  if (tile.mark) lines.push(element("p", "", `${markOf(tile)} (${byWhom(tile)})`));
  if (tile.sentence) lines.push(element("p", "", tile.sentence));
  lines.push(element("p", "soft", `${tile.source}, ${tile.t} s · ${tile.w} × ${tile.h} px · ${tile.channel}`));
  facts.replaceChildren(...lines);
  find("facts").textContent = tile.sentence || tile.id;
}

function focusOn(position, { extend = false } = {}) {
  const before = state.focus;
  state.focus = Math.max(0, Math.min(position, grid.total - 1));
  if (extend) {
    const [low, high] = [Math.min(state.anchor, state.focus), Math.max(state.anchor, state.focus)];
    for (let at = low; at <= high; at += 1) {
      const tile = grid.tiles.get(at);
      if (tile) state.selected.add(tile.id);
    }
    grid.redraw();
  } else {
    state.anchor = state.focus;
  }
  grid.reveal(state.focus);
  grid.redraw([before, state.focus]);
  showFocus();
  showScope();
}

function toggleSelected(position) {
  const tile = grid.tiles.get(position);
  if (!tile) return;
  if (!state.selected.delete(tile.id)) state.selected.add(tile.id);
  grid.redraw([position]);
  showScope();
}

function showScope() {
  const button = find("scope");
  const n = state.selected.size;
  button.dataset.scope = n && state.scope === "one" ? "selection" : state.scope;
  button.textContent = text(`scope.${button.dataset.scope}`, { n });
  find("target").textContent = n && state.scope !== "one" ? text("selected", { n }) : "";
}

// Views.

function address() {
  const query = new URLSearchParams(state.query);
  const set = (name, value, usual) => (value === usual ? query.delete(name) : query.set(name, value));
  set("size", String(state.size), "190");
  set("show", state.show, "picture");
  set("layers", [...state.layers].join(","), "");
  state.query = query.toString();
  return state.query ? `/?${state.query}` : "/";
}

function keepAddress() {
  history.replaceState({ focus: state.focus }, "", address());
}

async function open(query, { keep = false } = {}) {
  state.query = query;
  const focused = grid.tiles.get(state.focus)?.id;
  try {
    const view = await ask(`/api/view?${selectionQuery()}`);
    showView(view);
    if (!keep) { state.focus = 0; find("grid").scrollTop = 0; }
    state.focus = Math.min(state.focus, Math.max(0, view.total - 1));
    await grid.fetchMissing(new Set([state.focus]));
    if (keep && focused) keepFocus(focused);
    grid.redraw();
    showFocus();
  } catch (error) {
    say(error.message, true);
  }
}

function keepFocus(id) {
  for (const [position, tile] of grid.tiles) {
    if (tile.id === id) { state.focus = position; return; }
  }
}

function showView(view, first = []) {
  state.revision = view.revision;
  find("total").textContent = view.total;
  find("n-decided").textContent = view.decided;
  for (const place of document.querySelectorAll("[data-count]")) {
    place.textContent = view.counts[place.dataset.count];
  }
  find("empty").hidden = view.total > 0;
  find("grid").hidden = view.total === 0;
  grid.few = ["similar", "track"].includes(state.group) ? FEW : 0;
  grid.show(view.starts, view.labels, state.size, first);
}

function formQuery() {
  const query = new URLSearchParams(state.query);
  const form = new FormData(find("filters"));
  for (const name of new Set([...find("filters").elements].map((field) => field.name).filter(Boolean))) {
    const values = form.getAll(name).filter(Boolean);
    if (values.length) query.set(name, values.join(","));
    else query.delete(name);
  }
  for (const name of ["sort", "group"]) {
    if (find(name).value) query.set(name, find(name).value);
    else query.delete(name);
  }
  if (find("desc").getAttribute("aria-pressed") === "true") query.set("desc", "1");
  else query.delete("desc");
  state.group = find("group").value;
  return query.toString();
}

async function applyForm() {
  state.selected.clear();
  state.scope = state.scope === "similar" || state.scope === "track" ? state.scope : "one";
  await open(formQuery());
  if (["similar", "track"].includes(state.group)) state.scope = state.group;
  showScope();
  history.pushState({}, "", address());
}

// Decisions.

// The reason is asked for at once, not after earlier decisions were written: the next key is its digit.
async function begin(action) {
  const reason = action === "drop" ? await askReason() : "";
  if (reason !== null) queue(() => act(action, reason));
}

async function act(action, reason) {
  const focused = grid.tiles.get(state.focus);
  if (!focused && action !== "undo") return;
  const isSelection = state.selected.size > 0;
  const crops = isSelection ? [...state.selected] : lookedAt(focused);
  const answer = await decide(action, reason, crops, state.scope, selectionQuery());
  if (!answer) return;
  state.revision = answer.revision;
  update(answer.tiles, answer.view);
  if (action !== "undo" && !isSelection) advance();
  if (isSelection && action !== "undo") {
    state.selected.clear();
    grid.redraw();
  }
  showFocus();
  showScope();
}

// In a group of which only a few are shown, these are what was looked at; the answer of the others
// is marked as applied.
function lookedAt(focused) {
  if (!focused) return [];
  if (!grid.few || state.scope !== state.group) return [focused.id];
  const group = grid.groupOf(state.focus);
  if (grid.isLoose(group)) return [focused.id];
  const ids = [focused.id];
  for (let number = 0; number < grid.inGroup(group); number += 1) {
    const tile = grid.tiles.get(grid.starts[group] + number);
    if (tile && tile.id !== focused.id) ids.push(tile.id);
  }
  return ids;
}

// Decided crops stay where they are until the view is asked for again: nothing jumps.
function update(tiles, view) {
  const positions = new Map([...grid.tiles].map(([position, tile]) => [tile.id, position]));
  for (const tile of tiles) {
    const position = positions.get(tile.id);
    if (position === undefined) continue;
    grid.tiles.set(position, tile);
    grid.redraw([position]);
  }
  find("n-decided").textContent = view.decided;
}

function advance() {
  const group = grid.groupOf(state.focus);
  const isCluster = state.scope !== "one" && grid.labels.length > 0 && !grid.isLoose(group);
  const next = isCluster ? grid.starts[group + 1] : grid.neighbour(state.focus, "ArrowRight");
  if (next < grid.total) focusOn(next);
}

function nextScope() {
  state.scope = SCOPES[(SCOPES.indexOf(state.scope) + 1) % SCOPES.length];
  showScope();
}

function toggleLayer(name) {
  if (!state.layers.delete(name)) state.layers.add(name);
  for (const button of document.querySelectorAll("[data-layer]")) {
    button.setAttribute("aria-pressed", String(state.layers.has(button.dataset.layer)));
  }
  grid.redraw();
  showFocus();
  keepAddress();
}

function setShow(name) {
  state.show = name;
  find("show").value = name;
  grid.redraw();
  showFocus();
  keepAddress();
}

function setSize(px) {
  state.size = Math.max(96, Math.min(640, px));
  find("size").value = state.size;
  grid.size = state.size;
  grid.layout();
  grid.reveal(state.focus);
  keepAddress();
}

function openCrop() {
  const tile = grid.tiles.get(state.focus);
  if (!tile) return;
  keepAddress();
  location.href = `/crop/${encodeURIComponent(tile.id)}?${state.query}`;
}

// What is selected goes along to the page of work orders; without a selection all of the view goes.
function order() {
  sessionStorage.setItem("matteflow-desk-selection", JSON.stringify([...state.selected]));
  location.href = `/orders?${selectionQuery()}${state.selected.size ? "#selection" : ""}`;
}

function back() {
  if (state.selected.size) {
    state.selected.clear();
    grid.redraw();
    showScope();
  }
}

function selectAll() {
  for (const tile of grid.tiles.values()) state.selected.add(tile.id);
  grid.redraw();
  showScope();
}

const MOVES = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"]);

function onKey(event) {
  if (isTyping(event) || (event.target.type === "range" && event.key.startsWith("Arrow"))) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  // A button in focus is pressed by these keys, as everywhere.
  if (event.target.tagName === "BUTTON" && (key === " " || key === "Enter")) return;
  if (event.target.tagName === "A" && key === "Enter") return;
  if (MOVES.has(key)) focusOn(grid.neighbour(state.focus, key), { extend: event.shiftKey });
  else if (key in KEYS) begin(KEYS[key]);
  else if (key === " ") toggleSelected(state.focus);
  else if (key === "Enter") openCrop();
  else if (key === "Escape") back();
  else if (key === "a") selectAll();
  else if (key === "c") nextScope();
  else if (key === "o") order();
  else if (key === "s") setShow(SHOWS[(SHOWS.indexOf(state.show) + 1) % SHOWS.length]);
  else if (key >= "1" && key <= "4") toggleLayer(LAYERS[Number(key) - 1]);
  else if (key === "+" || key === "=") setSize(state.size + 30);
  else if (key === "-") setSize(state.size - 30);
  else return;
  event.preventDefault();
}

// Keys pressed faster than the server answers wait for their turn, in order.
function queue(work) {
  state.busy = state.busy.then(work).catch((error) => say(error.message, true));
}

async function lookForOthers() {
  if (document.hidden) return;
  try {
    const { revision } = await ask("/api/revision");
    if (revision === state.revision) return;
    const from = Math.min(...grid.shown.keys()), n = grid.shown.size;
    if (!Number.isFinite(from)) return;
    const ids = [...grid.shown.keys()].map((position) => grid.tiles.get(position)?.id).filter(Boolean);
    const answer = await ask(`/api/some?ids=${ids.map(encodeURIComponent).join(",")}&${selectionQuery()}`);
    state.revision = revision;
    update(answer.tiles, answer.view);
    showFocus();
  } catch { /* the next key says so */ }
}

function wire() {
  document.addEventListener("keydown", onKey);
  const place = find("grid");
  place.addEventListener("click", (event) => {
    const tile = event.target.closest(".tile");
    if (!tile) return;
    const position = Number(tile.dataset.position);
    if (event.ctrlKey || event.metaKey) { focusOn(position); toggleSelected(position); } else focusOn(position, { extend: event.shiftKey });
  });
  place.addEventListener("dblclick", openCrop);
  let timer = 0;
  find("filters").addEventListener("input", (event) => {
    clearTimeout(timer);
    timer = setTimeout(applyForm, event.target.type === "search" || event.target.type === "number" ? 250 : 0);
  });
  find("filters").addEventListener("submit", (event) => event.preventDefault());
  for (const name of ["sort", "group"]) find(name).addEventListener("change", applyForm);
  find("desc").addEventListener("click", (event) => {
    const button = event.currentTarget;
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
    applyForm();
  });
  find("show").addEventListener("change", (event) => setShow(event.target.value));
  find("size").addEventListener("input", (event) => setSize(Number(event.target.value)));
  find("scope").addEventListener("click", nextScope);
  find("order-button").addEventListener("click", order);
  find("filters-button").addEventListener("click", (event) => {
    const isOpen = find("filters").classList.toggle("open");
    event.currentTarget.setAttribute("aria-expanded", String(isOpen));
  });
  for (const button of document.querySelectorAll("[data-layer]")) {
    button.addEventListener("click", () => toggleLayer(button.dataset.layer));
  }
  for (const button of document.querySelectorAll("[data-act]")) {
    button.addEventListener("click", () => { begin(button.dataset.act); place.focus(); });
  }
  addEventListener("popstate", () => location.reload());
  grid.onload = () => { if (!find("preview-facts").childElementCount) showFocus(); };
  setInterval(lookForOthers, POLL_MS);
}

wire();
if (["similar", "track"].includes(state.group)) state.scope = state.group;
showView(boot.view, boot.tiles);
const from = new URLSearchParams(location.hash.slice(1)).get("at");
if (from) focusOn(Number(from)); else focusOn(0);
find("grid").focus({ preventScroll: true });
showScope();
