/** The probabilities of the ten digits as bars. */

import { element } from "./dom.js";
import { likelihood } from "./numbers.js";

/**
 * Return ten rows that `showBars` fills.
 * @param {string} label for screen readers
 * @returns {HTMLElement}
 */
export function barsElement(label) {
  const rows = Array.from({ length: 10 }, (_, digit) =>
    element(
      "li",
      {},
      element("span", { className: "bar-digit", textContent: String(digit) }),
      element("span", { className: "bar-track" }, element("span", { className: "bar" })),
      element("span", { className: "bar-value", textContent: "–" }),
    ),
  );
  const list = element("ol", { className: "bars", start: 0 }, ...rows);
  list.setAttribute("role", "list");
  list.setAttribute("aria-label", label);
  return list;
}

/**
 * Show probabilities, or none.
 * @param {HTMLElement} list
 * @param {number[] | null} probabilities
 */
export function showBars(list, probabilities) {
  const top = probabilities ? Math.max(...probabilities) : NaN;
  [...list.children].forEach((row, digit) => {
    const share = probabilities?.[digit] ?? 0;
    row.classList.toggle("top", share === top);
    row.querySelector(".bar").style.width = `${100 * share}%`;
    row.querySelector(".bar-value").textContent = probabilities ? likelihood(share) : "–";
  });
}
