/** Boxes over the ink: blue where a digit is read, dashed and orange where it is not sure, green around signs, thin
 * and grey around print that the text leaves out. */

import { element } from "./dom.js";

const MOST_REASONS = 6;
const DENSE = 16;
const TAG_ROOM = 0.09;

/** Boxes over a picture of any shape that is fitted into its stage. */
export class Overlay {
  #boxes = [];

  /** @param {HTMLElement} layer as large as the stage */
  constructor(layer) {
    this.layer = layer;
  }

  /**
   * Show the boxes of the first page.
   * @param {any} reading
   * @param {number} selected which digit is looked at
   */
  show({ digits, signs, sizes }, selected) {
    const [width, height] = sizes[0] ?? [1, 1];
    const onPage = digits.map((digit, number) => ({ digit, number })).filter(({ digit }) => digit.page === 0);
    this.#boxes = onPage.map(({ digit, number }) => ({ number, ...shares(digit.box, width, height) }));
    this.#fit(width / height);
    this.layer.classList.toggle("dense", onPage.length > DENSE);
    this.layer.replaceChildren(
      ...onPage.map(({ digit, number }, i) => {
        const isShort = digits.length > MOST_REASONS || digit.accepted;
        const tag = isShort ? character(digit) : `not sure: ${digit.reason}`;
        const box = this.#boxes[i];
        return boxElement(box, tag, [...kinds(digit, number === selected), ...tagPlaces(box, this.#boxes)]);
      }),
      ...signs
        .filter(({ page }) => page === 0)
        .map(({ label, box }) => boxElement(shares(box, width, height), label, ["sign", "tag-below"])),
    );
  }

  clear() {
    this.#boxes = [];
    this.layer.replaceChildren();
  }

  /**
   * Return the number of the smallest box there, or -1.
   * @param {number} x in the stage, 0 to 1
   * @param {number} y
   */
  hit(x, y) {
    const { left, top, width, height } = this.frame ?? { left: 0, top: 0, width: 1, height: 1 };
    const [u, v] = [(x - left) / width, (y - top) / height];
    const around = this.#boxes.filter(
      (box) => u >= box.left && u <= box.left + box.width && v >= box.top && v <= box.top + box.height,
    );
    around.sort((a, b) => a.width * a.height - b.width * b.height);
    return around[0]?.number ?? -1;
  }

  /** Lay the layer over where a picture of this shape is in the stage, as `object-fit: contain` does. */
  #fit(shape) {
    const stage = this.layer.parentElement;
    const relative = shape / (stage.clientWidth / stage.clientHeight);
    const [width, height] = relative > 1 ? [1, 1 / relative] : [relative, 1];
    this.frame = { left: (1 - width) / 2, top: (1 - height) / 2, width, height };
    place(this.layer, this.frame);
  }
}

function shares([left, top, width, height], pageWidth, pageHeight) {
  return { left: left / pageWidth, top: top / pageHeight, width: width / pageWidth, height: height / pageHeight };
}

const character = (digit) => (digit.accepted ? String(digit.label) : "?");

/** Return where the tag of `box` is, as classes: not above it at the top of the sheet, nor below it in another box. */
function tagPlaces(box, boxes) {
  const isHigh = box.top < TAG_ROOM;
  const bottom = box.top + box.height;
  const isOverAnother = boxes.some(
    ({ left, top, width, height }) =>
      left < box.left + box.width && left + width > box.left && top < bottom && top + height > bottom,
  );
  return [
    ...(isHigh ? [isOverAnother ? "tag-inside" : "tag-below"] : []),
    ...(box.left + box.width / 2 > 0.6 ? ["tag-from-right"] : []),
  ];
}

function kinds({ accepted, line }, isSelected) {
  return [!accepted && "unsure", line === null && "print", isSelected && "selected"].filter(Boolean);
}

function boxElement(box, tag, classes) {
  const made = element(
    "div",
    { className: ["box", ...classes].join(" ") },
    element("span", { className: "tag", textContent: tag }),
  );
  place(made, box);
  return made;
}

function place(target, { left, top, width, height }) {
  const percent = (share) => `${100 * share}%`;
  Object.assign(target.style, {
    left: percent(left),
    top: percent(top),
    width: percent(width),
    height: percent(height),
  });
}
