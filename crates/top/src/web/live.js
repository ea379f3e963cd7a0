"use strict";
// Puts what the program sends into the page; all of it is escaped there.
const events = new EventSource(document.body.dataset.events);
const gone = document.getElementById("gone");
events.addEventListener("view", (event) => {
  gone.hidden = true;
  document.getElementById("view").innerHTML = JSON.parse(event.data);
});
events.onerror = () => { gone.hidden = false; };
