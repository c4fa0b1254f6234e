/** Fields of a form: drawn, named and saved. What is not saved yet is kept by the browser, and offered again. */

import { Problem, ask, sentenceOf, useToken } from "./api.js";
import { freshBox, moved, resized, rounded, stepOf } from "./boxes.js";
import { Changes, Drafts } from "./changes.js";
import { byId, element } from "./dom.js";
import { FieldPanel } from "./field-panel.js";
import { FormSheet } from "./form-sheet.js";
import { latestOnly } from "./latest.js";
import { call, json, sendUntilAnswered } from "./steady.js";
import { prepareTheme } from "./theme.js";
import { askForToken, tokenOfAddress } from "./token.js";

const CONFLICT = 409;
const UNPROCESSABLE = 422;

const STAYS = "Changes stay on this page.";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const UNITS = { "1 × 1": "Place, as shares of the page", "210 × 297": "Place, mm", "297 × 210": "Place, mm" };

/** `version` and `saved` are of the file, as this page knows it, and `base` is the version that was changed here.
 * `faults` are by the number of a field. */
const form = {
  size: [1, 1],
  file: "",
  version: null,
  base: null,
  saved: "",
  faults: new Map(),
  nextId: 1,
  isSending: false,
};

let changes = new Changes({ fields: [], selected: null });
let drafts = null;

/** Whether closing the page loses something. */
let isFragile = false;

const panel = new FieldPanel({ onChange: (change, kind) => changeField(selectedField(), change, kind) });
const sheet = new FormSheet({
  onSelect: select,
  onOpen: () => panel.focusName(),
  onBox: (id, box) => changeField(changes.now.fields.find((field) => field.id === id), { box }),
  onNew: (box, isTouch) => addField(box, isTouch ? () => {} : () => panel.focusName()),
});

const selectedField = () => changes.now.fields.find(({ id }) => id === changes.now.selected) ?? null;

/** Return fields as the server has them: without the numbers of this page, and their keys in one order. */
function tablesOf(fields) {
  const names = new Map(fields.map(({ id, name }) => [id, name]));
  return fields.map(({ id: _, ...table }) => {
    if (table.sum_of) table.sum_of = table.sum_of.map((part) => names.get(part) ?? part);
    return Object.fromEntries(Object.entries(table).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

const isSaved = () => JSON.stringify(tablesOf(changes.now.fields)) === form.saved;

/** Return fields of the server as this page has them: numbered, without the keys that are not set, and with the
 * numbers of the parts of sums, which stay when a part is renamed. */
function numbered(tables) {
  const fields = tables.map((table) => {
    const set = Object.entries(table).filter(([, value]) => value !== null && value !== false);
    return { id: form.nextId++, ...Object.fromEntries(set) };
  });
  const ids = new Map(fields.toReversed().map(({ id, name }) => [name, id]));
  for (const field of fields) if (field.sum_of) field.sum_of = field.sum_of.map((name) => ids.get(name) ?? name);
  return fields;
}

function say(line, isTrouble = false) {
  byId("status").textContent = line;
  byId("status").classList.toggle("trouble", isTrouble);
}

/** Go on to other fields, or to another selection of the same ones. */
function change(next, kind = "") {
  changes.make({ ...changes.now, ...next }, kind);
  changed();
}

function changed() {
  const isClean = isSaved();
  if (isClean) form.base = form.version;
  if (isClean) byId("conflict").hidden = true;
  isFragile = !drafts.keep(isClean ? null : { base: form.base, fields: tablesOf(changes.now.fields) });
  if (!form.isSending && !byId("status").textContent.endsWith(STAYS)) say("");
  show();
  check();
}

function show() {
  const { fields, selected } = changes.now;
  const fault = form.faults.get(selected);
  sheet.show(changes.now, form.size, new Set(form.faults.keys()));
  panel.show(selectedField(), fields, fault ? sentenceOf(fault) : "");
  byId("undo").disabled = !changes.canUndo;
  byId("redo").disabled = !changes.canRedo;
  byId("state").textContent = isSaved() ? "Saved" : "Not saved yet";
  document.title = `${isSaved() ? "" : "• "}${form.file} - digitscope`;
  const columns = fields.map((field) => element("li", {}, columnElement(field, selected)));
  const isOther = columns.map(({ outerHTML }) => outerHTML).join("") !== byId("columns").innerHTML;
  if (isOther) byId("columns").replaceChildren(...columns); // else a click would meet another button
}

function columnElement({ id, name }, selected) {
  const made = element("button", { type: "button", className: "small" }, element("span", { textContent: name || "?" }));
  made.setAttribute("aria-current", String(id === selected));
  made.classList.toggle("wrong", form.faults.has(id));
  made.addEventListener("click", () => sheet.focus(id));
  return made;
}

function select(id) {
  if (id === changes.now.selected) return;
  changes.pause();
  changes.now = { ...changes.now, selected: id };
  show();
}

/** Change some keys of a field; a key that is undefined goes. */
function changeField(field, keys, kind = "") {
  if (!field) return;
  const next = Object.fromEntries(Object.entries({ ...field, ...keys }).filter(([, value]) => value !== undefined));
  const fields = changes.now.fields.map((each) => (each.id === field.id ? next : each));
  change({ fields }, kind && `${kind} of ${field.id}`);
}

/** Add a field after the selected one, and select it. */
function addField(box, onAdded) {
  const { fields, selected } = changes.now;
  const names = new Set(fields.map(({ name }) => name));
  let number = 1;
  while (names.has(`field${number}`)) number += 1;
  const field = { id: form.nextId++, name: `field${number}`, box };
  const place = fields.findIndex(({ id }) => id === selected) + 1 || fields.length;
  change({ fields: fields.toSpliced(place, 0, field), selected: field.id });
  onAdded(field.id);
}

const addFresh = () =>
  addField(freshBox(selectedField()?.box ?? null, sheet.middle, form.size), (id) => sheet.focus(id));

/** Remove the selected field. Sums keep its name as a part, which the server then complains of. */
function removeField() {
  const { fields, selected } = changes.now;
  const place = fields.findIndex(({ id }) => id === selected);
  if (place < 0) return;
  const named = (parts) => parts.map((part) => (part === selected ? fields[place].name : part));
  const rest = fields
    .toSpliced(place, 1)
    .map((field) => (field.sum_of ? { ...field, sum_of: named(field.sum_of) } : field));
  const next = rest[place] ?? rest.at(-1);
  change({ fields: rest, selected: next?.id ?? null });
  if (next) sheet.focus(next.id);
  else byId("new").focus();
}

function moveColumn(by) {
  const { fields, selected } = changes.now;
  const place = fields.findIndex(({ id }) => id === selected);
  const rest = fields.toSpliced(place, 1);
  if (fields[place + by]) change({ fields: rest.toSpliced(place + by, 0, fields[place]) });
}

function nudge([across, down], { shiftKey, ctrlKey, metaKey }) {
  const field = selectedField();
  const step = stepOf(form.size, ctrlKey || metaKey);
  const box = shiftKey
    ? resized(field.box, across ? "e" : "s", across * step, down * step, form.size)
    : moved(field.box, across * step, down * step, form.size);
  changeField(field, { box }, shiftKey ? "size" : "place");
  sheet.focus(field.id);
}

function step(which) {
  const hadFocus = sheet.hasFocus;
  changes[which]();
  changed();
  if (hadFocus) sheet.focus(changes.now.selected);
}

const check = latestOnly(async () => {
  const { fields } = changes.now;
  const content = { size: form.size, fields: tablesOf(fields) };
  try {
    const { faults } = await call("api/form/check", json("POST", content));
    if (fields !== changes.now.fields) return;
    form.faults = new Map(fields.map(({ id }, i) => [id, faults[i]]).filter(([, fault]) => fault));
    if (byId("status").textContent.endsWith(STAYS)) say("");
    show();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    say(`${problem.message} ${STAYS}`, true);
  }
});

const save = latestOnly(async (isForced = false) => {
  byId("conflict").hidden = true;
  const { fields } = changes.now;
  const tables = tablesOf(fields);
  const content = { size: form.size, fields: tables, version: isForced ? null : form.base };
  say("");
  form.isSending = true;
  try {
    const onTrouble = ({ message }) => say(`Not saved yet. ${message} It is sent again.`, true);
    const { version } = await sendUntilAnswered("PUT", "api/form/fields", content, onTrouble);
    Object.assign(form, { version, base: version, saved: JSON.stringify(tables) });
    byId("comments").hidden = true;
    changed();
    say(`Saved ${form.file}.`);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    say(problem.message, true);
    if (problem.status === CONFLICT) showConflict(problem.message);
    if (problem.status === UNPROCESSABLE) goToFault();
  } finally {
    form.isSending = false;
  }
});

function showConflict(line) {
  say("");
  byId("conflict-line").textContent = line;
  byId("conflict").hidden = false;
}

/** Go to the first field that is not right. */
function goToFault() {
  const wrong = changes.now.fields.find(({ id }) => form.faults.has(id));
  if (wrong) sheet.focus(wrong.id);
}

/** Take the file as it is now; what this page had is one undo away. */
async function loadTheirs() {
  try {
    const theirs = await call("api/form");
    byId("conflict").hidden = true;
    const fields = take(theirs);
    change({ fields, selected: null });
    say(`This is ${form.file} as it is now. Ctrl+Z brings back what was on this page.`);
  } catch (problem) {
    byId("conflict-line").textContent = problem.message;
  }
}

/** Take over what the server says of the file, and return its fields. */
function take({ size, file, version, has_comments: hasComments, fields }) {
  const own = numbered(fields);
  Object.assign(form, { size, file, version, base: version, saved: JSON.stringify(tablesOf(own)) });
  byId("comments").hidden = !hasComments;
  return own;
}

async function load() {
  const [description, picture] = await Promise.all([call("api/form"), ask("api/form/picture")]);
  await sheet.load(await picture.blob());
  changes = new Changes({ fields: take(description), selected: null });
  drafts = new Drafts(description.id);
  byId("file").textContent = form.file;
  const sides = form.size.map((side) => rounded(side, form.size)).join(" × ");
  byId("unit").textContent = UNITS[sides] ?? `Place, on a page of ${sides}`;
  byId("checks").replaceChildren(...description.checks.map((name) => element("option", { value: name })));
  const draft = drafts.read();
  if (!Array.isArray(draft?.fields)) {
    changed();
    if (description.has_comments) say(`${form.file} has comments. Saving drops them.`);
    return;
  }
  form.base = draft.base;
  change({ fields: numbered(draft.fields) });
  if (!isSaved()) say("Your unsaved changes are back. Ctrl+Z takes them away.");
}

/** Return what a key does; keys in the entries of the panel belong to them, but for those with Ctrl. */
function actionOf(event) {
  const { key, ctrlKey, metaKey, shiftKey, altKey, target } = event;
  const isTyped = Boolean(target.closest("input, select"));
  if (altKey) return null;
  if (ctrlKey || metaKey) {
    const letter = key.toLowerCase();
    if (letter === "s") return () => save();
    if (letter === "z") return () => step(shiftKey ? "redo" : "undo");
    if (letter === "y") return () => step("redo");
  }
  if (isTyped) return key === "Enter" && !target.list ? () => sheet.focus(changes.now.selected) : null;
  if (ARROWS[key] && sheet.hasFocus) return () => nudge(ARROWS[key], event);
  if (ctrlKey || metaKey) return null;
  if (key === "Delete" || key === "Backspace") return sheet.hasFocus ? removeField : null;
  if (key === "Escape") return () => sheet.cancel();
  if ("+-=0".includes(key)) return () => sheet.zoom({ "-": -1, 0: 0 }[key] ?? 1);
  return key.toLowerCase() === "n" ? addFresh : null;
}

function prepareControls() {
  addEventListener("keydown", (event) => {
    const action = event.target.closest("dialog") ? null : actionOf(event);
    if (!action) return;
    event.preventDefault();
    action();
  });
  addEventListener("beforeunload", (event) => isFragile && event.preventDefault());
  const actions = {
    new: addFresh,
    undo: () => step("undo"),
    redo: () => step("redo"),
    save: () => save(),
    remove: removeField,
    earlier: () => moveColumn(-1),
    later: () => moveColumn(1),
    "load-theirs": loadTheirs,
    "save-mine": () => save(true),
  };
  for (const [id, action] of Object.entries(actions)) byId(id).addEventListener("click", action);
  byId("panel").addEventListener("focusin", () => changes.pause());
  byId("panel").addEventListener("submit", (event) => event.preventDefault());
}

useToken(tokenOfAddress(), askForToken);
prepareTheme(() => {});
load()
  .then(prepareControls)
  .catch((problem) => say(problem.message, true));
