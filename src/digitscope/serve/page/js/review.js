/** The review: one doubtful field at a time, with the keyboard alone. Corrections go to the server one by one. */

import { Problem, sentenceOf, useToken } from "./api.js";
import { byId, element } from "./dom.js";
import { latestOnly } from "./latest.js";
import { bytesOf } from "./pixels.js";
import { after, call, sendUntilAnswered } from "./steady.js";
import { prepareTheme } from "./theme.js";
import { askForToken, tokenOfAddress } from "./token.js";

const MS_BEFORE_ASKING = 5000;

const NOT_FOUND = 404;
const UNPROCESSABLE = 422;

const entry = byId("entry");

/** `unfit` is the entry that the form does not allow and that a second Enter keeps. */
const review = { field: null, isBusy: true, unfit: null, pictures: [] };

/** Return 16 random hexadecimal digits; `randomUUID` would need https. */
const randomKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");

const reviewer = () => byId("reviewer").value.trim() || "somebody";

/** Take the reviewer's name from the address, and keep it there: a page that is loaded again has it. */
function prepareReviewer() {
  const keep = () => {
    const address = new URL(location.href);
    address.searchParams.set("by", reviewer());
    history.replaceState(null, "", address);
  };
  byId("reviewer").value = new URLSearchParams(location.search).get("by") ?? `reviewer ${randomKey().slice(0, 4)}`;
  byId("reviewer").addEventListener("change", keep);
  keep();
}

function say(line, isTrouble = false) {
  byId("status").textContent = line;
  byId("status").classList.toggle("trouble", isTrouble);
}

/** Send until there is an answer. The same key each time has the server count it once. */
const send = (path, content) =>
  sendUntilAnswered("POST", `api/review/${path}`, content, ({ message }) =>
    say(`Not saved yet. ${message} It is sent again.`, true),
  );

/** Do one thing at a time, and say what the server refuses. */
async function inTurn(work) {
  if (review.isBusy) return;
  setBusy(true);
  try {
    await work();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    say(problem.message, true);
  } finally {
    setBusy(false);
  }
}

function setBusy(isBusy) {
  review.isBusy = isBusy;
  entry.readOnly = isBusy;
  byId("work").setAttribute("aria-busy", String(isBusy));
}

function show({ done, total, field }) {
  byId("progress").max = Math.max(total, 1);
  byId("progress").value = done;
  byId("progress-line").textContent = `${done} of ${total} done`;
  Object.assign(review, { field, unfit: null });
  byId("work").hidden = !field;
  byId("rest").hidden = Boolean(field);
  if (field) showField(field);
  else showRest(total - done);
}

/** Return the address of a picture, which is good until the next field is shown. */
function pictureOf(crop) {
  review.pictures.push(URL.createObjectURL(new Blob([bytesOf(crop)], { type: "image/png" })));
  return review.pictures.at(-1);
}

function showField(field) {
  for (const picture of review.pictures.splice(0)) URL.revokeObjectURL(picture);
  byId("work").classList.toggle("page", field.refused);
  for (const id of ["suggestions", "kept"]) byId(id).hidden = field.refused;
  for (const part of [entry, document.querySelector("label[for=entry]")]) part.hidden = field.refused;
  byId("save").textContent = field.refused ? "Seen" : "Save";
  byId("crop").src = pictureOf(field.crop);
  byId("crop").alt = field.refused ? "The page" : `What is written in ${field.name}`;
  byId("field-name").textContent = nameOf(field);
  byId("place").textContent = `${field.file}, page ${field.page + 1}`;
  byId("reason").textContent = field.reason ? sentenceOf(field.reason) : "";
  byId("expected").textContent = `Expected: ${field.expected}`;
  entry.inputMode = field.expected.includes("-") ? "text" : "decimal"; // not every pad for numbers has a minus
  byId("best-value").textContent = field.value || "empty";
  byId("second").hidden = field.second === null;
  byId("second-value").textContent = field.second || "empty";
  showSum(field);
  take(field.held ?? field.value);
  if (field.refused) byId("save").focus();
}

const nameOf = (field) => (field.refused ? "A page that was not read" : field.name);

/** Show the parts of the sum that a field belongs to, each of which can be opened. */
function showSum({ id, sum }) {
  byId("sum").hidden = !sum;
  if (!sum) return;
  const parts = sum.together === null ? "A part is no number." : `The parts add up to ${sum.together}`;
  const isNot = sum.together === null ? "" : `, not to ${sum.total.value || "an empty field"}.`;
  byId("adds-up").textContent = sum.holds ? `${parts}.` : `${parts}${isNot}`;
  byId("addends").replaceChildren(...[...sum.parts, sum.total].map((each) => addend(each, each.id === id)));
}

function addend({ id, name, value, crop }, isShown) {
  const picture = element("img", { src: pictureOf(crop), alt: "" });
  const texts = [name, value || "empty"].map((textContent) => element("span", { textContent }));
  const button = element("button", { type: "button", disabled: isShown }, picture, ...texts);
  if (isShown) button.setAttribute("aria-current", "true");
  button.addEventListener("click", () => goTo(id));
  return button;
}

function showRest(left) {
  byId("rest").textContent = left
    ? `Others have the last ${left}. This page asks again.`
    : "All doubtful values and refused pages are done. Export the table, or press Ctrl+Z to go back.";
  byId("undo").focus();
  if (left) after(MS_BEFORE_ASKING).then(() => review.field ?? next());
}

/** Put a value into the entry, selected: digits replace it, Enter saves it. */
function take(value) {
  entry.value = value;
  entry.focus();
  entry.select();
  entered();
}

function entered() {
  review.unfit = null;
  check();
}

const check = latestOnly(async () => {
  const { field } = review;
  if (!field) return;
  const typed = entry.value;
  const address = `api/review/fields/${field.id}?${new URLSearchParams({ value: typed })}`;
  const checked = await call(address).catch((problem) => ({ value: typed, fault: problem.message }));
  if (field !== review.field || typed !== entry.value || review.unfit !== null) return;
  showFault(checked.fault ? sentenceOf(`the value ${checked.fault}`) : "");
  byId("as-kept").textContent = checked.value === typed ? "" : `is kept as ${checked.value}`;
});

function showFault(line) {
  byId("fault").textContent = line;
  entry.setAttribute("aria-invalid", String(Boolean(line)));
}

const save = () =>
  inTurn(async () => {
    const { field, unfit } = review;
    if (!field) return;
    const value = entry.value;
    say("");
    const correction = { field: field.id, value, by: reviewer(), key: randomKey(), seen: field.correction };
    try {
      const answer = await send("corrections", { ...correction, anyway: unfit === value });
      const other = field.refused ? null : answer.replaced;
      say(`${saved(field)}${other ? ` ${other.by} saved ${other.value} meanwhile; both are kept.` : ""}`);
      show(answer);
    } catch (problem) {
      if (!(problem instanceof Problem && problem.status === UNPROCESSABLE)) throw problem;
      review.unfit = value;
      showFault(`${problem.message} Press Enter again to keep it.`);
      say("");
    }
  });

const undo = () =>
  inTurn(async () => {
    try {
      show(await send("undo", { by: reviewer(), key: randomKey() }));
      say(`Took back what you saved for ${review.field.refused ? "the page" : review.field.name}.`);
    } catch (problem) {
      if (!(problem instanceof Problem && problem.status === NOT_FOUND)) throw problem;
      say("There is nothing to take back.");
    }
  });

const saved = (field) => (field.refused ? "Marked the page as seen." : `Saved ${field.name}.`);

const goTo = (field) => inTurn(async () => show(await send("next", { by: reviewer(), field })));

const next = () => inTurn(async () => show(await send("next", { by: reviewer(), after: review.field?.id ?? 0 })));

function actionOf({ key, ctrlKey, metaKey, shiftKey, altKey }) {
  if (key.toLowerCase() === "z" && (ctrlKey || metaKey) && !shiftKey) return undo;
  if (ctrlKey || metaKey || altKey || !review.field) return null;
  if (key === "ArrowUp" || key === "Escape") return takeBest;
  if (key === "ArrowDown") return takeSecond;
  return key === "PageDown" ? next : null;
}

const takeBest = () => review.isBusy || review.field.refused || take(review.field.value);
const takeSecond = () => review.isBusy || review.field.refused || take(review.field.second ?? review.field.value);

addEventListener("keydown", (event) => {
  const action = event.target.closest("dialog, #reviewer") ? null : actionOf(event);
  if (!action) return;
  event.preventDefault();
  action();
});
byId("best").addEventListener("click", takeBest);
byId("second").addEventListener("click", takeSecond);
byId("later").addEventListener("click", next);
byId("undo").addEventListener("click", undo);
entry.addEventListener("input", entered);
byId("value").addEventListener("submit", (event) => {
  event.preventDefault();
  save();
});
useToken(tokenOfAddress(), askForToken);
prepareTheme(() => {});
prepareReviewer();
setBusy(false);
next();
