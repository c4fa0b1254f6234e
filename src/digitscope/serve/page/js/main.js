/** The page: what is drawn or shown is read, and what is read is shown, looked into, and learned from. */

import { Problem, read, useToken } from "./api.js";
import { byId } from "./dom.js";
import { Drawing } from "./drawing.js";
import { exampleAfter, exampleOf, randomNumber } from "./examples.js";
import { lookInside } from "./inside.js";
import { debounced, latestOnly } from "./latest.js";
import { openLearning, prepareLearning, useDrawing } from "./learning.js";
import { preparePictures } from "./pictures.js";
import { prepareResults, showReading, spoken } from "./results.js";
import { Stage } from "./stage.js";
import { prepareTabs } from "./tabs.js";
import { prepareTheme } from "./theme.js";
import { askForToken, tokenOfAddress } from "./token.js";

const MS_AFTER_STROKE = 150;

const FULL = "The sheet is full. Backspace takes back what was written last, Escape clears.";

/** How a drawing is read: it is upright, and neat digits are no print that is left out. */
const DRAWN = { mode: "page", printed: "true", rotation: "0" };

/** Statuses after which the same request may do better: no server, no token, too slow, too much to do. */
const PASSING = [0, 401, 408, 503];

const drawing = new Drawing(byId("sheet"));
const stage = new Stage(selectAt);
/** `changes` counts what was drawn, `version` what was thrown away: what was sent before that counts no more. */
const studio = { reading: null, milliseconds: 0, chosen: null, changes: 0, version: 0, panel: "reading-panel" };

const readNewest = latestOnly(readWhatIsThere);
const readAfterPause = debounced(readNewest, MS_AFTER_STROKE);

async function readWhatIsThere() {
  const { version, changes } = studio;
  const began = performance.now();
  try {
    const picture = stage.picture ?? (drawing.isEmpty ? null : drawing.png());
    const reading = picture && (await read(picture, options()));
    if (version !== studio.version) return;
    if (reading && !stage.picture) reading.remarks = []; // of pages: they would come and go with each stroke
    complain(drawing.isFull ? FULL : "");
    show(reading, performance.now() - began);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (version !== studio.version) return;
    show(null, 0);
    const isPassing = PASSING.includes(problem.status);
    if (!isPassing) putPictureAway();
    complain(problem.message, isPassing);
  }
  showBusy(changes !== studio.changes);
}

function options() {
  if (byId("pair").checked) return { mode: "pair" };
  return stage.picture ? { mode: "page" } : DRAWN;
}

function readSoon() {
  studio.changes += 1;
  showBusy(true);
  readAfterPause();
}

function readNow() {
  studio.changes += 1;
  showBusy(true);
  readNewest();
}

const showBusy = (isBusy) => byId("readout").setAttribute("aria-busy", String(isBusy));

function show(reading, milliseconds) {
  const said = reading ? spoken(reading) : "";
  if (said && byId("announcer").textContent !== said) byId("announcer").textContent = said;
  Object.assign(studio, { reading, milliseconds });
  refresh();
}

function refresh() {
  const { reading, milliseconds } = studio;
  const selected = selectedNumber();
  const digit = reading?.digits[selected] ?? null;
  showReading(reading, selected, milliseconds);
  stage.showReading(reading, selected);
  if (studio.panel === "inside-panel") lookInside(digit);
  useDrawing(digit?.seen.height === 28 ? digit.seen.pixels : null);
}

/** The digit that the user chose, else the one drawn last, as far as reading order tells. */
function selectedNumber() {
  const count = studio.reading?.digits.length ?? 0;
  if (studio.chosen !== null && studio.chosen < count) return studio.chosen;
  return stage.picture ? 0 : count - 1;
}

function select(number) {
  studio.chosen = number;
  refresh();
}

function selectAt(x, y) {
  const number = stage.overlay.hit(x, y);
  if (number >= 0) select(number);
  return number >= 0;
}

function complain(line, canRetry = false) {
  byId("complaint").textContent = line;
  byId("retry").hidden = !canRetry;
}

/** Forget what was read, because something else is there now. */
function startAfresh() {
  Object.assign(studio, { chosen: null, version: studio.version + 1 });
  complain("");
  show(null, 0);
  showBusy(false);
}

function takePicture(picture) {
  stage.showPicture(picture);
  drawing.clear();
  readNow();
}

/** Show the sheet again in place of a picture that cannot be read. */
function putPictureAway() {
  stage.showSheet();
  stage.invite(drawing.isEmpty);
}

function clear() {
  stage.showSheet();
  drawing.clear();
}

function undo() {
  stage.showSheet();
  drawing.undo();
}

function drawingChanged() {
  stage.invite(drawing.isEmpty);
  byId("undo").disabled = !drawing.strokes.canUndo;
  if (drawing.isEmpty) startAfresh();
  else readSoon();
}

async function writeExample(number) {
  clear();
  stage.invite(false);
  await drawing.write(() => exampleOf(number, drawing.penWidth));
}

function onKey(event) {
  if (event.target.closest("select, dialog")) return;
  const action = actionOf(event, event.target === drawing.canvas);
  if (!action) return;
  event.preventDefault();
  action();
}

function actionOf({ key, ctrlKey, metaKey, shiftKey }, isOnSheet) {
  if (key === "Escape" || key === "Delete") return clear;
  if (key.toLowerCase() === "z" && (ctrlKey || metaKey) && !shiftKey) return undo; // Z with caps lock
  if (key === "Backspace" && isOnSheet) return undo;
  if (/^\d$/.test(key) && isOnSheet) return () => typeDigit(key);
  return null;
}

function typeDigit(digit) {
  if (stage.picture) clear();
  stage.invite(false);
  drawing.write((before) => exampleAfter(digit, before, drawing.penWidth));
}

function prepareTools() {
  byId("undo").addEventListener("click", undo);
  byId("clear").addEventListener("click", clear);
  byId("pen").addEventListener("input", (event) => (drawing.penWidth = Number(event.target.value)));
  byId("pair").addEventListener("change", readNow);
  byId("retry").addEventListener("click", readNow);
  byId("try-digit").addEventListener("click", () => writeExample("7"));
  byId("try-number").addEventListener("click", () => writeExample(randomNumber()));
  byId("copy").hidden = !navigator.clipboard;
  byId("copy").addEventListener("click", copyText);
  addEventListener("keydown", onKey);
}

async function copyText() {
  await navigator.clipboard.writeText(studio.reading.text).then(
    () => (byId("announcer").textContent = byId("meta").textContent = "Copied."),
    () => complain("The browser did not let the text be copied."),
  );
}

function openPanel(panel) {
  studio.panel = panel;
  if (panel === "inside-panel") lookInside(studio.reading?.digits[selectedNumber()] ?? null);
  if (panel === "learning-panel") openLearning();
}

useToken(tokenOfAddress(), askForToken);
drawing.onChange = drawingChanged;
drawing.onTap = selectAt;
prepareTheme(() => drawing.redraw());
prepareResults(select);
prepareTabs(byId("tabs"), openPanel);
preparePictures(takePicture, complain);
prepareLearning();
prepareTools();
drawingChanged();
