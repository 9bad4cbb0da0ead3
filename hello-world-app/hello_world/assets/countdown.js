// Counts down to the planned end, by the server's clock: the reader's own may be wrong.
"use strict";
const clock = document.getElementById("time-left");
const end = Date.parse(clock.dataset.expiresAt);
const ahead = Date.now() - Date.parse(clock.dataset.now);

function timeLeft() {
  const seconds = Math.floor((end - (Date.now() - ahead)) / 1000);
  if (seconds <= 0) return "planned end reached";
  const two = (number) => String(number).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours) return `${hours} h ${two(minutes % 60)} min`;
  return minutes ? `${minutes} min ${two(seconds % 60)} s` : `${seconds} s`;
}

if (!Number.isNaN(end)) setInterval(() => { clock.textContent = timeLeft(); }, 1000);
