"use strict";
// Puts what the program sends into the page; all of it is escaped there. Not under a person's hand: a link that is
// replaced while the button is down is not followed, and marked text would be marked no more.
const PAUSE_MS = 3000;
let events;
const gone = document.getElementById("gone");
const held = document.getElementById("held");
const view = document.getElementById("view");
let newest = null;
let isPressed = false;

function show() {
  const isMarked = !document.getSelection().isCollapsed;
  held.hidden = !isMarked;
  if (newest === null || isPressed || isMarked) return;
  // Who goes from link to link by the keyboard stays there.
  const chosen = document.activeElement.getAttribute("href");
  view.innerHTML = newest;
  newest = null;
  if (chosen === null) return;
  const again = [...view.querySelectorAll("a")].find((link) => link.getAttribute("href") === chosen);
  if (again) again.focus({ preventScroll: true });
}

function listen() {
  events = new EventSource(document.body.dataset.events);
  events.addEventListener("view", (event) => {
    gone.hidden = true;
    newest = JSON.parse(event.data);
    show();
  });
  events.onerror = () => {
    gone.hidden = false;
    // A browser asks again when a connection breaks, but not behind an answer that is no stream, as a proxy gives it
    // while the program is started again.
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, PAUSE_MS);
  };
}

addEventListener("pointerdown", () => { isPressed = true; });
for (const end of ["pointerup", "pointercancel", "blur"]) {
  // The click comes behind the button's release.
  addEventListener(end, () => setTimeout(() => { isPressed = false; show(); }));
}
document.addEventListener("selectionchange", show);
listen();
