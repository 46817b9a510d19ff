// What every page of the desk needs: what the server sent along, texts, requests, help.

export const boot = JSON.parse(document.querySelector('meta[name="desk"]').content);

const AUTHOR = "matteflow-desk-author";

export function text(key, values = {}) {
  const pattern = boot.texts[key] ?? key;
  return pattern.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

export function nameOf(group, word) {
  return boot.names[`${group}.${word}`] ?? String(word).replaceAll("_", " ");
}

let toastTimer = 0;

export function say(sentence, isBad = false) {
  const place = document.getElementById("toast");
  place.textContent = sentence;
  place.className = isBad ? "on bad" : "on";
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { place.className = ""; }, isBad ? 9000 : 2600);
}

export async function ask(address) {
  return read(fetch(address, { headers: { accept: "application/json" } }));
}

// Every change carries a value that only our pages know.
export async function change(address, body, type = "application/json") {
  const data = type === "application/json" ? JSON.stringify({ author: author(), ...body }) : body;
  return read(fetch(address, {
    method: "POST",
    headers: { "content-type": type, "x-desk-csrf": boot.csrf },
    body: data,
  }));
}

async function read(answer) {
  let response;
  try {
    response = await answer;
  } catch {
    throw new Error(text("no.answer"));
  }
  const kind = response.headers.get("content-type") ?? "";
  const body = kind.startsWith("application/json") ? await response.json() : await response.text();
  if (!response.ok) throw new Error(body.error ?? body);
  return body;
}

export function author() {
  return document.getElementById("author").value.trim();
}

function rememberAuthor() {
  const field = document.getElementById("author");
  field.value = localStorage.getItem(AUTHOR) ?? field.value;
  field.addEventListener("change", () => localStorage.setItem(AUTHOR, field.value.trim()));
}

export function showHelp() {
  const dialog = document.getElementById("help");
  if (dialog.open) dialog.close();
  else dialog.showModal();
}

// Keys are for the page unless somebody types, chooses, or answers a dialog.
export function isTyping(event) {
  const place = event.target;
  if (event.ctrlKey || event.metaKey || event.altKey) return true;
  if (document.querySelector("dialog[open]")) return true;
  if (place.tagName === "INPUT") return !["range", "checkbox", "radio"].includes(place.type);
  return place.tagName === "SELECT" || place.tagName === "TEXTAREA";
}

export function element(tag, className = "", content = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  // Names come from strangers: they are set as text, never as markup.
  if (content !== "") made.textContent = content;
  return made;
}

rememberAuthor();
document.getElementById("help-button").addEventListener("click", showHelp);
document.addEventListener("keydown", (event) => {
  if (event.key === "?" && !isTyping(event)) {
    event.preventDefault();
    showHelp();
  }
});
