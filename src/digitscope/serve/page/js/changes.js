/** What was changed, to undo and redo it; and what is not saved yet, kept by the browser. */

/**
 * The states of something, one after the other. A state is never changed, only followed by another.
 * @template State
 */
export class Changes {
  #past = [];
  #future = [];
  #kind = "";

  /** @param {State} now */
  constructor(now) {
    this.now = now;
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  /**
   * Go on to another state. Changes of the same kind, one right after the other, are undone together.
   * @param {State} next
   * @param {string} [kind]
   */
  make(next, kind = "") {
    if (!kind || kind !== this.#kind) this.#past.push(this.now);
    this.#future = [];
    this.#kind = kind;
    this.now = next;
  }

  /** Let the next change be one of its own. */
  pause() {
    this.#kind = "";
  }

  undo() {
    this.#step(this.#past, this.#future);
  }

  redo() {
    this.#step(this.#future, this.#past);
  }

  #step(from, to) {
    if (!from.length) return;
    to.push(this.now);
    this.now = from.pop();
    this.#kind = "";
  }
}

/** The place of unsaved work in this browser, by the name of a file. */
export class Drafts {
  #key;

  /** @param {string} id */
  constructor(id) {
    this.#key = `digitscope form ${id}`;
  }

  /** Return what was kept, or null. */
  read() {
    try {
      return JSON.parse(localStorage.getItem(this.#key) ?? "null");
    } catch {
      return null;
    }
  }

  /**
   * Keep unsaved work, and tell whether the browser does so: it may not in a private window.
   * @param {unknown} draft null for none
   */
  keep(draft) {
    try {
      if (draft === null) localStorage.removeItem(this.#key);
      else localStorage.setItem(this.#key, JSON.stringify(draft));
      return true;
    } catch {
      return draft === null;
    }
  }
}
