// Decisions by key: the same keys on the gallery and on a crop's page.

import { boot, change, nameOf, say, text } from "./common.js";

export const KEYS = { k: "keep", d: "drop", r: "review", g: "good", b: "bad", p: "person", z: "undo" };
export const SCOPES = ["one", "track", "similar"];

// Ask why a crop is dropped; the digit of a reason answers.
export function askReason() {
  const dialog = document.getElementById("drop-dialog");
  return new Promise((resolve) => {
    const buttons = [...dialog.querySelectorAll("[data-reason]")];
    let answer = null;
    const choose = (button) => { answer = button.dataset.reason; dialog.close(); };
    const onKey = (event) => {
      const button = buttons[Number(event.key) - 1];
      if (button) { event.preventDefault(); choose(button); }
    };
    const onClick = (event) => {
      const button = event.target.closest("[data-reason]");
      if (button) choose(button);
    };
    dialog.addEventListener("keydown", onKey);
    dialog.addEventListener("click", onClick);
    dialog.addEventListener("close", () => {
      dialog.removeEventListener("keydown", onKey);
      dialog.removeEventListener("click", onClick);
      resolve(answer);
    }, { once: true });
    dialog.showModal();
  });
}

// Send one decision, and say what it did. Returns what the server answered, or null.
export async function decide(action, reason, crops, scope, query) {
  try {
    const answer = action === "undo"
      ? await change(`/api/undo?${query}`, {})
      : await change(`/api/decide?${query}`, { action, reason, crops, scope });
    tell(action, answer);
    return answer;
  } catch (error) {
    say(error.message, true);
    return null;
  }
}

function tell(action, answer) {
  const name = nameOf("act", action);
  if (action === "undo") {
    say(answer.n ? text("undone", { n: answer.n }) : text("nothing.undo"));
  } else if (answer.n === 1) {
    say(text("done.one", { action: name, crop: answer.first }));
  } else {
    say(text(answer.applied ? "done.applied" : "done", { action: name, n: answer.n, applied: answer.applied }));
  }
}

// What a tile's badge and the facts say of people's decisions.
export function markOf(tile) {
  if (!tile.mark) return "";
  const parts = [];
  if (tile.mark.verdict) parts.push(nameOf("verdict", tile.mark.verdict));
  if (tile.mark.reason) parts.push(nameOf("reason", tile.mark.reason));
  if (tile.mark.mask) parts.push(nameOf("act", tile.mark.mask));
  if (tile.mark.applied) parts.push(text("applied"));
  return parts.join(" · ");
}

export function byWhom(tile) {
  if (!tile.mark) return "";
  return text("by", { author: tile.mark.author, at: tile.mark.at.slice(0, 16).replace("T", " ") });
}

export { boot };
