// Sliders over histograms. While one drags, at most one question is under way: the last one wins.

import { ask, boot, change, element, nameOf, say, text } from "./common.js";

const SVG = "http://www.w3.org/2000/svg";
const find = (id) => document.getElementById(id);
const changes = { ...boot.changes };
let isAsking = false, isStale = false;

function query() {
  const parts = new URLSearchParams();
  for (const [key, value] of Object.entries(changes)) parts.append("c", `${key}:${value === null ? "off" : value}`);
  return parts.toString();
}

async function judge() {
  if (isAsking) { isStale = true; return; }
  isAsking = true;
  try {
    do {
      isStale = false;
      show(await ask(`/api/judge?${query()}`));
    } while (isStale);
    find("toast").className = "";
  } catch (error) {
    say(error.message, true);
  } finally {
    isAsking = false;
  }
  history.replaceState({}, "", query() ? `/bounds?${query()}` : "/bounds");
}

function show(result) {
  for (const place of document.querySelectorAll("[data-after]")) place.textContent = result.after[place.dataset.after] ?? 0;
  for (const place of document.querySelectorAll("[data-before]")) place.textContent = result.before[place.dataset.before] ?? 0;
  find("yield-before").textContent = `${result.yield_before} %`;
  find("yield-after").textContent = `${result.yield_after} %`;
  for (const word of ["entering", "leaving"]) {
    find(`n-${word}`).textContent = result[`n_${word}`];
    find(word).replaceChildren(...result[word].map(tile));
  }
}

function tile(of) {
  const line = element("li"), link = element("a", of.verdict), picture = element("img");
  link.href = `/crop/${encodeURIComponent(of.id)}`;
  link.title = of.sentence;
  picture.src = `/thumb/${encodeURIComponent(of.id)}?px=160&v=${of.v}`;
  picture.alt = of.id;
  link.append(picture, element("span", "", of.reason ? nameOf("rule", of.reason) : of.source));
  line.append(link);
  return line;
}

// What lies beyond a bound is tinted: dropped, or for review.
function drawZones(rule) {
  const low = Number(rule.dataset.low), high = Number(rule.dataset.high);
  const place = (value) => Math.max(0, Math.min(100, (100 * (value - low)) / (high - low)));
  const zones = [];
  for (const limit of rule.querySelectorAll(".limit:not([hidden])")) {
    const at = place(Number(limit.querySelector(".slide").value));
    const isLower = limit.dataset.bound.endsWith("min"), isReview = limit.dataset.bound.startsWith("review");
    const zone = document.createElementNS(SVG, "rect");
    zone.setAttribute("class", `zone ${isReview ? "review" : "drop"}`);
    zone.setAttribute("x", isLower ? 0 : at);
    zone.setAttribute("width", isLower ? at : 100 - at);
    zone.setAttribute("height", 100);
    const line = document.createElementNS(SVG, "line");
    line.setAttribute("class", `bound ${isReview ? "review" : "drop"}`);
    for (const [name, value] of [["x1", at], ["x2", at], ["y1", 0], ["y2", 100]]) line.setAttribute(name, value);
    zones[isReview ? "unshift" : "push"](zone, line);
  }
  rule.querySelector(".zones").replaceChildren(...zones);
  rule.classList.toggle("changed", Object.keys(changes).some((key) => key.startsWith(`${rule.dataset.rule}.`)));
}

// Bounds rise in this order. One that is moved past another takes it along.
const ORDER = ["min", "review_min", "review_max", "max"];

function moveAlong(moved, value) {
  const at = ORDER.indexOf(moved.dataset.bound);
  for (const limit of moved.closest(".rule").querySelectorAll(".limit:not([hidden])")) {
    const other = ORDER.indexOf(limit.dataset.bound), now = Number(limit.querySelector(".exact").value);
    if ((other > at && now < value) || (other < at && now > value)) note(limit, value);
  }
}

function set(limit, value) {
  note(limit, value);
  if (value !== null) moveAlong(limit, value);
  drawZones(limit.closest(".rule"));
  judge();
}

function note(limit, value) {
  const rule = limit.closest(".rule"), key = `${rule.dataset.rule}.${limit.dataset.bound}`;
  const usual = limit.querySelector(".exact").dataset.usual;
  const isUsual = usual === "" ? value === null : value !== null && Number(usual) === value;
  if (isUsual) delete changes[key]; else changes[key] = value;
  limit.hidden = value === null;
  if (value !== null) {
    limit.querySelector(".slide").value = value;
    limit.querySelector(".exact").value = value;
  }
}

// Three digits are what a bound is given with; a slider would give sixteen.
const rounded = (value) => Number(Number(value).toPrecision(3));

for (const rule of document.querySelectorAll(".rule")) {
  for (const limit of rule.querySelectorAll(".limit")) {
    const key = `${rule.dataset.rule}.${limit.dataset.bound}`;
    if (key in changes) {
      limit.hidden = changes[key] === null;
      if (changes[key] !== null) for (const name of [".slide", ".exact"]) limit.querySelector(name).value = changes[key];
    }
    limit.querySelector(".slide").addEventListener("input", (event) => set(limit, rounded(event.target.value)));
    limit.querySelector(".exact").addEventListener("change", (event) => { if (event.target.value !== "") set(limit, Number(event.target.value)); });
    limit.querySelector(".off").addEventListener("click", () => set(limit, null));
  }
  rule.querySelector(".more select").addEventListener("change", (event) => {
    const limit = rule.querySelector(`[data-bound="${event.target.value}"]`);
    event.target.value = "";
    if (!limit || !limit.hidden) return;
    const ends = [Number(rule.dataset.low), Number(rule.dataset.high)];
    // At the end where it changes nothing yet.
    set(limit, rounded(limit.dataset.bound.endsWith("min") ? ends[0] : ends[1]));
    limit.querySelector(".slide").focus();
  });
  drawZones(rule);
}
find("save").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const saved = await change("/api/recipe", { name: event.target.name.value, changes });
    say(text("recipe.saved", saved));
    find("publish-link").hidden = false;
    find("publish-link").href = `/versions?recipe=${encodeURIComponent(saved.name)}`;
  } catch (error) {
    say(error.message, true);
  }
});
find("reset-bounds").addEventListener("click", () => { location.href = "/bounds"; });
judge();
