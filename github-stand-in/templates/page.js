// Keeps an open page up to date and sends what a person does on it.
"use strict";

const problem = document.getElementById("problem");

async function send(address, request) {
  problem.hidden = true;
  const answer = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(request),
  });
  if (answer.ok) return true;
  const reason = await answer.json().catch(() => ({}));
  problem.textContent = reason.message || `The stand-in answered ${answer.status}.`;
  problem.hidden = false;
  return false;
}

const actor = () => document.getElementById("comment-as")?.value;

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.action) return;
  event.preventDefault();
  const request = { as: actor(), ...Object.fromEntries(new FormData(form)) };
  if (await send(form.dataset.action, request)) {
    form.querySelectorAll("textarea").forEach((field) => { field.value = ""; });
  }
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-action]");
  if (button) send(button.dataset.action, { ...(actor() && { as: actor() }), ...(button.dataset.state && { state: button.dataset.state }) });
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.target.form?.requestSubmit();
});

// What the server said of each live part last; the part itself differs by its relative times.
const said = new Map([...document.querySelectorAll("[data-live]")].map((part) => [part.id, part.innerHTML]));

// Replaces what differs and leaves the rest alone: opened details stay open, half-written text stays written, and no
// button vanishes under a click.
function adopt(fresh) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const other = fresh.getElementById(part.id);
    if (!other || said.get(part.id) === other.innerHTML) continue;
    said.set(part.id, other.innerHTML);
    part.replaceChildren(...other.childNodes);
  }
  for (const list of document.querySelectorAll("[data-entries]")) {
    const others = fresh.getElementById(list.id)?.children ?? [];
    const known = new Map([...list.children].map((entry) => [entry.dataset.key, entry]));
    const wanted = [...others].map((other) => {
      const mine = known.get(other.dataset.key);
      if (mine && mine.dataset.version === other.dataset.version) return mine;
      if (mine?.open) other.open = true;
      return other;
    });
    if (wanted.length !== list.children.length || wanted.some((entry, index) => entry !== list.children[index])) {
      list.replaceChildren(...wanted);
    }
  }
  showTimes();
}

let refreshing = false;
let stale = false;

async function refresh() {
  stale = true;
  if (refreshing) return;
  refreshing = true;
  while (stale) {
    stale = false;
    const answer = await fetch(location.href, { cache: "no-store" }).catch(() => null);
    if (answer?.ok) adopt(new DOMParser().parseFromString(await answer.text(), "text/html"));
  }
  refreshing = false;
}

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

function showTimes() {
  for (const element of document.querySelectorAll("time[datetime]")) {
    const seconds = (Date.parse(element.dateTime) - Date.now()) / 1000;
    const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
    element.title = new Date(element.dateTime).toLocaleString();
    element.textContent = relative.format(Math.min(0, Math.round(seconds / size)), unit);
  }
}

showTimes();
setInterval(showTimes, 10_000);

const live = document.getElementById("live");
const changes = new EventSource("/events");
changes.onmessage = refresh;
changes.onopen = () => { live.className = "on"; refresh(); };
changes.onerror = () => { live.className = ""; };
