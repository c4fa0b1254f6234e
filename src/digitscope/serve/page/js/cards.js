/** A card for every digit: what the network saw, its label, its ten probabilities in small. */

import { element } from "./dom.js";
import { likelihood } from "./numbers.js";
import { bytesOf, inkColours, pictureOf, unit } from "./pixels.js";

/** Digits that get a card: more would make the page slow. */
export const MOST_CARDS = 200;

/**
 * Return what the network saw of a digit, as a picture.
 * @param {any} digit of a reading
 */
export function seenPicture({ seen }) {
  return pictureOf(unit(bytesOf(seen.pixels)), seen.width, seen.height, inkColours);
}

/**
 * Show the cards of digits, with the focus and the selected card in sight; of several pages each under its number.
 * @param {HTMLElement} list
 * @param {any[]} digits
 * @param {number} selected
 * @param {number} pages
 */
export function showCards(list, digits, selected, pages) {
  const focused = list.contains(document.activeElement) && document.activeElement.dataset.number;
  const cards = digits
    .slice(0, MOST_CARDS)
    .map((digit, number) => card(digit, number, digits.length, number === selected));
  const isFirstOfPage = (number) => pages > 1 && digits[number].page !== digits[number - 1]?.page;
  list.replaceChildren(
    ...cards.flatMap((each, number) => (isFirstOfPage(number) ? [pageMark(digits[number].page), each] : [each])),
  );
  if (focused) cards[focused]?.firstChild.focus();
  const { offsetLeft = 0, offsetWidth = 0 } = cards[selected] ?? {};
  const isInSight =
    offsetLeft >= list.scrollLeft && offsetLeft + offsetWidth <= list.scrollLeft + list.clientWidth;
  if (!isInSight) list.scrollLeft = offsetLeft - list.clientWidth / 2;
}

const pageMark = (page) => element("li", { className: "page-mark", textContent: `Page ${page + 1}` });

function card(digit, number, count, isSelected) {
  const isPrint = digit.line === null;
  const sign = digit.accepted ? String(digit.label) : "?";
  const button = element(
    "button",
    { type: "button", className: `card${digit.accepted ? "" : " unsure"}${isPrint ? " print" : ""}` },
    seenPicture(digit),
    element("span", { className: "card-label", textContent: sign }),
    miniature(digit.probabilities),
    element("span", {
      className: "card-confidence",
      textContent: isPrint ? "printed" : digit.accepted ? likelihood(digit.confidence) : "not sure",
    }),
  );
  button.dataset.number = number;
  button.setAttribute("aria-pressed", String(isSelected));
  const meaning = digit.accepted ? `${digit.label}, ${likelihood(digit.confidence)}` : `not sure, ${digit.reason}`;
  button.setAttribute("aria-label", `Digit ${number + 1} of ${count}: ${meaning}${isPrint ? ", printed" : ""}`);
  return element("li", {}, button);
}

/** Return the ten probabilities as columns, 0 on the left. */
function miniature(probabilities) {
  const columns = probabilities.map((share) => {
    const column = element("span");
    column.style.height = `${Math.max(6, 100 * share)}%`;
    return column;
  });
  return element("span", { className: "miniature", ariaHidden: "true" }, ...columns);
}
