/** The stage holds the sheet to draw on, or a picture in its place, and the boxes over either. */

import { byId } from "./dom.js";
import { Overlay } from "./overlay.js";

/** What is looked at. `picture` is null while the sheet is there. */
export class Stage {
  /** @type {Blob | null} */
  picture = null;
  overlay = new Overlay(byId("overlay"));
  #stage = byId("stage");
  #image = byId("picture");

  /** @param {(x: number, y: number) => void} onTap where a picture is tapped, in shares of the stage */
  constructor(onTap) {
    this.#image.addEventListener("error", () => this.#stage.classList.add("unshown"));
    this.#stage.addEventListener("click", (event) => {
      const { left, top, width, height } = this.#stage.getBoundingClientRect();
      if (this.picture && !this.#stage.classList.contains("unshown")) onTap((event.clientX - left) / width, (event.clientY - top) / height);
    });
  }

  /** @param {Blob} picture */
  showPicture(picture) {
    this.showSheet();
    this.picture = picture;
    this.#image.src = URL.createObjectURL(picture);
    this.#stage.classList.add("has-picture");
  }

  /**
   * Show the boxes of a reading, or where there is no picture to lay them over, how many pages were read.
   * @param {any} reading or null
   * @param {number} selected
   */
  showReading(reading, selected) {
    if (reading) this.overlay.show(reading, selected);
    else this.overlay.clear();
    const pages = reading?.sizes.length ?? 1;
    byId("unshown-pages").textContent = pages > 1 ? `All its ${pages} pages are read.` : "It is read all the same.";
  }

  showSheet() {
    if (this.picture) URL.revokeObjectURL(this.#image.src);
    this.picture = null;
    this.#image.removeAttribute("src");
    this.#stage.classList.remove("has-picture", "unshown");
    this.overlay.clear();
  }

  /** @param {boolean} isEmpty whether to invite to draw */
  invite(isEmpty) {
    this.#stage.classList.toggle("inviting", isEmpty && !this.picture);
  }
}
