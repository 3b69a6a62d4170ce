/* Makes the composer smoother; without this file it works all the same.
   Typed words survive a sign-in that ran out; they are kept in this tab only, and only until they are published. */

const form = document.getElementById("composer");
const QUIET = ["csrf_token", "key", "seen_sequence", "taken", "passkey", "code", "password", "remember"];

/** What a person can change in the form, by name. */
function fields() {
  return [...form.elements].filter((each) => each.name && !QUIET.includes(each.name) && !each.name.startsWith("was-") && each.type !== "submit");
}

function keep(store) {
  const body = form.elements.namedItem("body")?.value.trim();
  if (!body) return store.removeItem(place());
  const chosen = fields().filter((each) => !["radio", "checkbox"].includes(each.type) || each.checked);
  store.setItem(place(), JSON.stringify(chosen.map((each) => [each.name, each.value])));
}

/** Brings kept words back into a form that has none. */
function restore(store) {
  const kept = JSON.parse(store.getItem(place()) ?? "null");
  const body = form.elements.namedItem("body");
  if (!kept || !body || body.value !== body.defaultValue || body.defaultValue) return;
  for (const [name, value] of kept) {
    for (const each of fields().filter((one) => one.name === name)) {
      if (["radio", "checkbox"].includes(each.type)) each.checked = each.value === value || each.checked && each.type === "checkbox";
      else each.value = value;
    }
  }
  form.dispatchEvent(new Event("change", { bubbles: true }));
}

function place() {
  return `candor:${location.pathname}`;
}

/** Words for "nothing new", for the status that is chosen. */
function suggestion() {
  const status = form.querySelector("[name=status]:checked")?.value;
  return form.querySelector(`template[data-suggestion="${status}"]`)?.content.textContent ?? "";
}

function isSuggested(words) {
  return [...form.querySelectorAll("template[data-suggestion]")].some((each) => each.content.textContent === words);
}

function say(words) {
  const body = form.elements.namedItem("body");
  body.value = words;
  body.dispatchEvent(new Event("input", { bubbles: true }));
}

/** The chip says when the next update comes, as it is chosen below. */
function tellPromise(chosen) {
  const place = form.querySelector("[data-promised]");
  if (place && /\d/.test(chosen.labels[0].textContent)) place.textContent = chosen.labels[0].textContent.trim();
}

function watch() {
  for (const each of form.querySelectorAll("[data-needs-script]")) each.hidden = each.matches(".jump") && !window.htmx;
  if (window.htmx) form.querySelector("[data-preview]").hidden = true;

  form.addEventListener("change", (event) => {
    const body = form.elements.namedItem("body");
    if (event.target.name === "status" && (isSuggested(body.value) || !body.value.trim())) say(suggestion() || body.value);
    if (event.target.name === "promise") tellPromise(event.target);
  });
  form.querySelector("[data-suggest]")?.addEventListener("click", () => say(suggestion()));
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("input:not([type=radio], [type=checkbox])")) event.preventDefault();
  });

  const store = window.sessionStorage;
  form.addEventListener("input", () => keep(store));
  form.addEventListener("submit", (event) => {
    if (!event.submitter?.hasAttribute("data-publish") && event.submitter?.name !== "all_green") return;
    // A second tap on the way out would do no harm; this only shows that the first one counted.
    setTimeout(() => event.submitter.setAttribute("aria-disabled", "true"));
  });
  // What was said is said: nothing of it comes back.
  if (document.querySelector(".flashes")) Object.keys(store).filter((each) => each.startsWith("candor:")).forEach((each) => store.removeItem(each));
  else restore(store);
}

/** Words behind a link that is over come along to where they can be said, in this tab. */
function carry() {
  const kept = document.querySelector("[data-carry-to]");
  if (!kept) return;
  window.sessionStorage.setItem(`candor:${kept.dataset.carryTo}`, JSON.stringify([["body", kept.value]]));
  for (const each of document.querySelectorAll("[data-needs-script]")) each.hidden = false;
}

if (form) watch();
else carry();
