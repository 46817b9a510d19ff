// Pages with long work: publishing, rolling back, work orders, the tagger; and assigning scenes.

import { ask, boot, change, element, say, text } from "./common.js";

const find = (id) => document.getElementById(id);
let timer = 0, running = new Set([...document.querySelectorAll("#jobs .running")].map((line) => line.dataset.number));

function showJobs(jobs) {
  find("no-jobs")?.remove();
  const places = jobs.map((job) => {
    const line = element("li", job.state);
    line.dataset.number = job.number;
    const head = element("p");
    head.append(element("b", "", text(`job.${job.title}`)), " ", element("span", "state", text(`state.${job.state}`)), " ", element("span", "soft", job.started));
    const output = element("pre", "", job.lines.join("\n"));
    output.tabIndex = 0;
    line.append(head, element("code", "", job.command), output);
    return line;
  });
  find("jobs").replaceChildren(...places);
  for (const output of document.querySelectorAll("#jobs pre")) output.scrollTop = output.scrollHeight;
  const now = new Set(jobs.filter((job) => job.state === "running").map((job) => String(job.number)));
  const isDone = [...running].some((number) => !now.has(number));
  running = now;
  if (isDone && !now.size) setTimeout(() => location.reload(), 900);
  else if (now.size) timer = setTimeout(look, 700);
}

async function look() {
  clearTimeout(timer);
  try {
    showJobs((await ask("/api/jobs")).jobs);
  } catch (error) {
    say(error.message, true);
  }
}

async function start(address, body) {
  try {
    const job = await change(address, body);
    running.add(String(job.number));
    await look();
  } catch (error) {
    say(error.message, true);
  }
}

// What was selected in the gallery, if this page was opened for it.
function chosen() {
  return location.hash === "#selection" ? JSON.parse(sessionStorage.getItem("matteflow-desk-selection") ?? "[]") : [];
}

async function assign(body) {
  try {
    await change("/api/scenes", body);
    location.reload();
  } catch (error) {
    say(error.message, true);
  }
}

find("publish")?.addEventListener("submit", (event) => {
  event.preventDefault();
  start("/api/publish", { run: event.target.dataset.run, recipe: event.target.recipe.value });
});
for (const button of document.querySelectorAll(".rollback")) {
  button.addEventListener("click", () => start("/api/rollback", { version: button.dataset.version }));
}
find("order")?.addEventListener("submit", (event) => {
  event.preventDefault();
  const crops = chosen();
  start(`/api/order?${boot.query}`, { crops, format: event.target.format.value });
});
find("assign")?.addEventListener("submit", (event) => {
  event.preventDefault();
  const form = new FormData(event.target), scene = form.get("scene");
  const sources = form.getAll("source");
  if (!sources.length) { say(text("choose.sources"), true); return; }
  assign({ sources, [event.submitter.value]: [scene] });
});
find("propose")?.addEventListener("click", () => start("/api/propose", {}));
for (const button of document.querySelectorAll(".accept")) {
  button.addEventListener("click", async () => {
    try {
      await change("/api/scenes", { crops: [button.dataset.crop], add: [button.dataset.scene] });
      button.closest("li").remove();
    } catch (error) {
      say(error.message, true);
    }
  });
}

if (find("order") && chosen().length) {
  find("order-what").firstChild.textContent = `${text("order.selection", { n: chosen().length })} `;
  find("order").querySelector("button").disabled = false;
}
for (const output of document.querySelectorAll("#jobs pre")) output.scrollTop = output.scrollHeight;
if (running.size) look();
