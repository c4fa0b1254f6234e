/** What was read: the text, a card for every digit, and the selected digit in full. */

import { sentenceOf } from "./api.js";
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
  const remarks = reading?.remarks ?? [];
  byId("remarks").replaceChildren(...remarks.map((each) => element("li", { textContent: sentenceOf(each) })));
  byId("meta").textContent = reading ? summary(reading, milliseconds) : "Nothing yet.";
  const pages = reading?.sizes.length ?? 1;
  showCards(byId("cards"), reading?.digits ?? [], selected, pages);
  showDetail(reading?.digits[selected] ?? null, pages);
}

/**
 * Return a reading in words, for screen readers.
 * @param {any} reading
 */
export function spoken({ text, digits, remarks }) {
  const said = text ? `Read ${text.replaceAll("\n", ", ").slice(0, 80)}.` : "Nothing read.";
  const unsure = digits.filter(isUnsure);
  const doubts = unsure.length ? [`Not sure of ${counted(unsure.length, "digit")}: ${unsure[0].reason}.`] : [];
  return [said, ...doubts, ...remarks.map(sentenceOf)].join(" ");
}

/** Print that the text leaves out counts neither as read nor as not sure. */
const isInText = ({ line }) => line !== null;
const isUnsure = (digit) => !digit.accepted && isInText(digit);

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

function summary({ digits, signs, sizes }, milliseconds) {
  if (!digits.length && !signs.length) return "No digit found: draw it bolder or larger.";
  const read = digits.filter(isInText).length;
  const unsure = digits.filter(isUnsure).length;
  const found = counted(read, "digit") + (signs.length ? `, ${counted(signs.length, "sign")}` : "");
  const pages = sizes.length > 1 ? ` on ${sizes.length} pages` : "";
  const doubts = unsure ? `, ${unsure} not sure` : "";
  const print = digits.length > read ? `, ${digits.length - read} printed` : "";
  const cards = digits.length > MOST_CARDS ? ` · cards of the first ${MOST_CARDS}` : "";
  return `${found}${pages}${doubts}${print}${cards} · ${Math.round(milliseconds)} ms`;
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
  byId("detail-verdict").textContent = digit ? verdict(digit) : "nothing yet";
  byId("detail-alternatives").textContent = digit ? digit.alternatives.join(", ") || "none" : "–";
  showBars(bars, digit?.probabilities ?? null);
}

function verdict({ accepted, line, reason }) {
  const said = accepted ? "read" : `not sure: ${reason}`;
  return line === null ? `${said}, printed: not in the text` : said;
}
