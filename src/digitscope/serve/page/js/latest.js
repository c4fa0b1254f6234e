/** Work of which only the newest matters. */

/**
 * Return a function that does `work` one at a time: of the calls that come meanwhile only the newest follows.
 * @template {unknown[]} Input
 * @param {(...input: Input) => Promise<void>} work
 * @returns {(...input: Input) => Promise<void>}
 */
export function latestOnly(work) {
  let running = false;
  let next = null;
  return async (...input) => {
    next = input;
    if (running) return;
    running = true;
    try {
      while (next) {
        const current = next;
        next = null;
        await work(...current);
      }
    } finally {
      running = false;
    }
  };
}

/**
 * Return a function that calls `work` once no further call has come for some time.
 * @param {() => void} work
 * @param {number} milliseconds
 * @returns {() => void}
 */
export function debounced(work, milliseconds) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, milliseconds);
  };
}

/**
 * Return a function that has `work` done before the next picture is painted, once for all calls until then.
 * @param {() => void} work
 * @returns {() => void}
 */
export function oncePerFrame(work) {
  let isComing = false;
  return () => {
    if (isComing) return;
    isComing = true;
    requestAnimationFrame(() => {
      isComing = false;
      work();
    });
  };
}
