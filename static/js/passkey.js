/* Passkeys: asks the device, writes its answer into the form, sends the form. Codes work without this file. */

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (each) => each.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

/** What the server asks, with the bytes that browsers want. */
function opened(json) {
  const asked = JSON.parse(json);
  asked.challenge = bytes(asked.challenge);
  if (asked.user) asked.user.id = bytes(asked.user.id);
  for (const name of ["allowCredentials", "excludeCredentials"]) {
    for (const each of asked[name] ?? []) each.id = bytes(each.id);
  }
  return asked;
}

/** The device's answer as the server reads it. */
function written(made) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (made.response[name]) response[name] = text(made.response[name]);
  }
  return JSON.stringify({
    id: made.id, rawId: text(made.rawId), type: made.type, response,
    authenticatorAttachment: made.authenticatorAttachment, clientExtensionResults: {},
  });
}

const ask = async (json) => written(await navigator.credentials.get({ publicKey: opened(json) }));
const make = async (json) => written(await navigator.credentials.create({ publicKey: opened(json) }));

const SENTENCES = {
  NotAllowedError: "The device was not asked, or said no. Try once more, or use a code.",
  InvalidStateError: "This device has a passkey for you already.",
};

function complain(form, error) {
  const place = form.querySelector("[data-passkey-problem]");
  if (!place) return;
  place.hidden = false;
  place.querySelector("span").textContent = SENTENCES[error.name] ?? "The device could not be asked. Use a code instead.";
}

/** Whether this sending is one that a passkey answers: nothing else was typed, and no other button was meant. */
function isAsked(form, button) {
  const field = form.querySelector("[data-passkey]");
  if (!field || field.value || button?.formNoValidate || button?.hasAttribute("data-unproven")) return false;
  return !["code", "password"].some((name) => form.elements.namedItem(name)?.value.trim());
}

async function answer(form, button) {
  const field = form.querySelector("[data-passkey]");
  const problem = form.querySelector("[data-passkey-problem]");
  if (problem) problem.hidden = true;
  try {
    field.value = await (field.hasAttribute("data-makes") ? make : ask)(field.dataset.passkey);
    form.requestSubmit(button ?? undefined);
  } catch (error) {
    complain(form, error);
  }
}

const knowsPasskeys = Boolean(window.PublicKeyCredential);
for (const form of document.querySelectorAll("form:has([data-passkey])")) {
  if (!knowsPasskeys) continue;
  if (form.matches("[data-passkey-form]")) form.hidden = false;
  form.addEventListener("submit", (event) => {
    if (!isAsked(form, event.submitter)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    answer(form, event.submitter);
  }, { capture: true });
}
