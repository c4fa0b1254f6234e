/** A card for every digit: what the network saw, its label, its ten probabilities in small. */

import { element } from "./dom.js";
import { likelihood } from "./numbers.js";
import { bytesOf, inkColours, pictureOf, unit } from "./pixels.js";

const MOST_CARDS = 200;

/**
 * Return what the network saw of a digit, as a picture.
 * @param {any} digit of a reading
 */
export function seenPicture({ seen }) {
  return pictureOf(unit(bytesOf(seen.pixels)), seen.width, seen.height, inkColours);
}

/**
 * Show the cards of digits, with the focus and the selected card in sight.
 * @param {HTMLElement} list
 * @param {any[]} digits
 * @param {number} selected
 */
export function showCards(list, digits, selected) {
  const focused = list.contains(document.activeElement) && document.activeElement.dataset.number;
  const shown = digits.slice(0, MOST_CARDS);
  list.replaceChildren(...shown.map((digit, number) => card(digit, number, digits.length, number === selected)));
  if (focused) list.children[focused]?.firstChild.focus();
  const { offsetLeft = 0, offsetWidth = 0 } = list.children[selected] ?? {};
  const isInSight =
    offsetLeft >= list.scrollLeft && offsetLeft + offsetWidth <= list.scrollLeft + list.clientWidth;
  if (!isInSight) list.scrollLeft = offsetLeft - list.clientWidth / 2;
}

function card(digit, number, count, isSelected) {
  const sign = digit.accepted ? String(digit.label) : "?";
  const button = element(
    "button",
    { type: "button", className: digit.accepted ? "card" : "card unsure" },
    seenPicture(digit),
    element("span", { className: "card-label", textContent: sign }),
    miniature(digit.probabilities),
    element("span", {
      className: "card-confidence",
      textContent: digit.accepted ? likelihood(digit.confidence) : "not sure",
    }),
  );
  button.dataset.number = number;
  button.setAttribute("aria-pressed", String(isSelected));
  const meaning = digit.accepted ? `${digit.label}, ${likelihood(digit.confidence)}` : `not sure, ${digit.reason}`;
  button.setAttribute("aria-label", `Digit ${number + 1} of ${count}: ${meaning}`);
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
