/** What was read: the text, a card for every digit, and the selected digit in full. */

import { barsElement, showBars } from "./bars.js";
import { MOST_CARDS, seenPicture, showCards } from "./cards.js";
import { byId, element } from "./dom.js";
import { counted, likelihood } from "./numbers.js";
import { inkColours, pictureOf } from "./pixels.js";

const LONG_TEXT = 9;

const bars = barsElement("Probability of each digit");

/**
 * Build what stays, and call `onSelect(number)` when a card is activated.
 * @param {(number: number) => void} onSelect
 */
export function prepareResults(onSelect) {
  byId("detail-bars").append(bars);
  byId("cards").addEventListener("click", (event) => {
    const card = event.target.closest("button");
    if (card) onSelect(Number(card.dataset.number));
  });
}

/**
 * Show a reading, or none yet.
 * @param {any} reading or null
 * @param {number} selected
 * @param {number} milliseconds that it took
 */
export function showReading(reading, selected, milliseconds) {
  showText(reading);
  byId("meta").textContent = reading
    ? remark(reading, milliseconds)
    : "Nothing yet.";
  const pages = reading?.sizes.length ?? 1;
  showCards(byId("cards"), reading?.digits ?? [], selected, pages);
  showDetail(reading?.digits[selected] ?? null, pages);
}

/**
 * Return a reading in words, for screen readers.
 * @param {any} reading
 */
export function spoken({ text, digits }) {
  if (!digits.length) return "Nothing read.";
  const unsure = digits.filter((digit) => !digit.accepted);
  const doubts = unsure.length ? ` Not sure of ${counted(unsure.length, "digit")}: ${unsure[0].reason}.` : "";
  return `Read ${text.replaceAll("\n", ", ").slice(0, 80)}.${doubts}`;
}

function showText(reading) {
  const text = reading?.text ?? "";
  const pieces = [...text].map((character) =>
    character === "?" ? element("span", { className: "unsure-character", textContent: "?" }) : character,
  );
  byId("text").replaceChildren(...pieces);
  byId("text").className = sizeOf(text.split("\n"));
  byId("copy").disabled = !text;
}

/** Return the class of the largest type that the lines fit in. */
function sizeOf(lines) {
  const longest = Math.max(...lines.map((line) => line.length));
  if (lines.length > 2 || longest > 2 * LONG_TEXT) return "small";
  return lines.length > 1 || longest > LONG_TEXT ? "medium" : "";
}

function remark({ digits, sizes }, milliseconds) {
  if (!digits.length) return "No digit found: draw it bolder or larger.";
  const unsure = digits.filter((digit) => !digit.accepted).length;
  const pages = sizes.length > 1 ? ` on ${sizes.length} pages` : "";
  const doubts = unsure ? `, ${unsure} not sure` : "";
  const cards = digits.length > MOST_CARDS ? ` · cards of the first ${MOST_CARDS}` : "";
  return `${counted(digits.length, "digit")}${pages}${doubts}${cards} · ${Math.round(milliseconds)} ms`;
}

function showDetail(digit, pages) {
  byId("detail").classList.toggle("empty", !digit);
  byId("detail").classList.toggle("is-unsure", digit?.accepted === false);
  byId("detail-seen").replaceChildren(
    digit ? seenPicture(digit) : pictureOf(new Uint8Array(784), 28, 28, inkColours),
  );
  byId("detail-place").hidden = pages === 1 || !digit;
  byId("detail-page").textContent = digit ? `page ${digit.page + 1} of ${pages}` : "";
  byId("detail-label").textContent = digit ? String(digit.label) : "–";
  byId("detail-confidence").textContent = digit ? likelihood(digit.confidence) : "–";
  byId("detail-verdict").textContent = digit
    ? digit.accepted
      ? "read"
      : `not sure: ${digit.reason}`
    : "nothing yet";
  byId("detail-alternatives").textContent = digit ? digit.alternatives.join(", ") || "none" : "–";
  showBars(bars, digit?.probabilities ?? null);
}
