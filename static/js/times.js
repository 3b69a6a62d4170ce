/* Adds to absolute times what only the reader's clock knows: how far away they are, and the reader's own hour.
   The markup is complete without this file. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const REFRESH_EVERY = 30_000;

const language = document.documentElement.lang || undefined;
const distance = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
const localMoment = new Intl.DateTimeFormat(language, {
  weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short",
});
const localHour = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

/** "in 12 min", "3 hr ago", "now"; nothing once the distance says less than the date. */
export function relativeWords(then, now) {
  const span = then - now;
  const size = Math.abs(span);
  if (size < MINUTE) return distance.format(0, "second");
  if (size < 90 * MINUTE) return tidy(distance.format(Math.trunc(span / MINUTE), "minute"));
  if (size < 36 * HOUR) return tidy(distance.format(Math.round(span / HOUR), "hour"));
  if (size < 7 * DAY) return tidy(distance.format(Math.round(span / DAY), "day"));
  return "";
}

/** English abbreviates with full stops, which read as the end of a sentence inside ours; and "12 min" stays in one line. */
function tidy(words) {
  return words.replaceAll(".", "").replaceAll(" ", "\u00a0");
}

/** The reader's own hour, when the page's clock shows another one. */
function ownHour(element, then) {
  const hour = localHour.format(then);
  return element.textContent.includes(hour) ? "" : hour;
}

function enhance(element, now) {
  const then = new Date(element.dateTime);
  if (Number.isNaN(then.getTime())) return;

  element.title = `Your time: ${localMoment.format(then)}`;
  if (!("relative" in element.dataset) || element.closest("[data-no-relative]")) return;

  let note = element.nextElementSibling;
  if (!note?.classList.contains("relative")) {
    note = document.createElement("span");
    note.className = "relative";
    element.after(note);
  }
  const words = [relativeWords(then, now)];
  if (element.closest("[data-local-time]")) {
    const hour = ownHour(element, then);
    if (hour) words.push(tidy(`${hour} your time`));
  }
  const text = words.filter(Boolean).join(", ");
  const shown = text ? ` (${text})` : "";
  if (note.textContent !== shown) note.textContent = shown;
}

/** Brings every time under `root` up to date. */
export function refresh(root = document) {
  const now = Date.now();
  for (const element of root.querySelectorAll("time[datetime*='T']")) enhance(element, now);
}

let timer;

function run() {
  clearInterval(timer);
  if (document.hidden) return;
  refresh();
  timer = setInterval(refresh, REFRESH_EVERY);
}

/** A page that stands open while a promise falls due asks for itself again, a little later, and not all at once. */
function askAgainWhenDue() {
  const left = [...document.querySelectorAll(".promise[data-due]")]
    .map((element) => new Date(element.dataset.due) - Date.now())
    .filter((span) => span > 0 && span < DAY);
  if (left.length > 0) setTimeout(() => location.reload(), Math.min(...left) + 2_000 + Math.random() * 8_000);
}

document.addEventListener("visibilitychange", run);
askAgainWhenDue();
document.addEventListener("htmx:load", (event) => refresh(event.target.parentElement ?? document));
run();
