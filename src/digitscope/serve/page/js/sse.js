/** Server-Sent Events from a fetched body: EventSource itself cannot send an Authorization header. */

/**
 * @typedef {object} ServerEvent
 * @property {string} id the last id that was given, "" before the first
 * @property {string} name "message" unless the server names it
 * @property {string} data
 */

const END_OF_EVENT = /\r\n\r\n|\n\n|\r\r/;

/**
 * Yield the events of a stream, in order; comments are passed over.
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<ServerEvent>}
 */
export async function* serverEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let id = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (text + value).split(END_OF_EVENT);
      text = blocks.pop();
      for (const block of blocks) {
        const event = parsed(block, id);
        id = event.id;
        if (event.data) yield event;
      }
    }
  } finally {
    await reader.cancel().catch(() => {}); // whoever stops listening, or a broken connection
  }
}

/**
 * Return the event in the lines between two empty ones; its data is "" if they are comments only.
 * @param {string} block
 * @param {string} id of the event before
 * @returns {ServerEvent}
 */
function parsed(block, id) {
  const event = { id, name: "message", data: "" };
  const data = [];
  for (const line of block.split(/\r\n|\n|\r/)) {
    const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line);
    if (field === "data") data.push(value);
    if (field === "event") event.name = value;
    if (field === "id") event.id = value;
  }
  return { ...event, data: data.join("\n") };
}
