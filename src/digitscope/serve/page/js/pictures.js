/** Pictures that are dropped, pasted, chosen or taken with the camera. */

import { byId } from "./dom.js";

const KINDS = "PNG, JPEG, WebP, TIFF, BMP, GIF, AVIF, HEIC or PDF";
const ENDINGS = /\.(png|jpe?g|webp|tiff?|bmp|gif|avif|hei[cf]|pdf)$/i;
const MOST_NAME = 60;

/**
 * Hand every picture that the user gives to `onPicture`.
 * @param {(picture: Blob) => void} onPicture
 * @param {(complaint: string) => void} onComplaint
 */
export function preparePictures(onPicture, onComplaint) {
  const take = (files) => {
    const [file] = files;
    if (file && isPicture(file)) onPicture(file);
    else onComplaint(`${file ? nameOf(file) : "That"} is no picture: expected ${KINDS}.`);
  };
  acceptDrops(byId("stage"), take);
  acceptPaste(take);
  acceptChoice(take);
  byId("camera").addEventListener("click", () =>
    photograph().then(
      (photo) => photo && onPicture(photo),
      (error) => onComplaint(whyNoCamera(error)),
    ),
  );
}

/** What a browser has no type for, such as HEIC, tells it by its name. */
function isPicture({ type, name }) {
  return (type ? /^image\/(?!svg)|\/pdf$/ : ENDINGS).test(type || name);
}

const nameOf = ({ name }) => (name.length > MOST_NAME ? `${name.slice(0, MOST_NAME)}…` : name);

function acceptDrops(stage, take) {
  addEventListener("dragover", (event) => {
    event.preventDefault();
    stage.classList.add("drop");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) stage.classList.remove("drop");
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    stage.classList.remove("drop");
    take(event.dataTransfer.files);
  });
}

function acceptPaste(take) {
  addEventListener("paste", (event) => {
    if (event.target.closest?.("dialog")) return; // the only text to edit is in one
    event.preventDefault();
    take(event.clipboardData.files);
  });
}

function acceptChoice(take) {
  const chooser = byId("file");
  byId("choose").addEventListener("click", () => chooser.click());
  chooser.addEventListener("change", () => {
    if (chooser.files.length) take([...chooser.files]);
    chooser.value = ""; // so that the same file can be chosen again
  });
}

/** Show what the camera sees, and return a snapshot, or null if the user goes back. */
async function photograph() {
  const dialog = byId("camera-dialog");
  const video = byId("camera-video");
  const stream = await navigator.mediaDevices.getUserMedia({
    video: { facingMode: "environment", width: { ideal: 1600 } },
  });
  try {
    video.srcObject = stream;
    dialog.returnValue = "";
    dialog.showModal();
    await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
    return dialog.returnValue === "snap" ? await snapshot(video) : null;
  } finally {
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  }
}

function snapshot(video) {
  const picture = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  picture.getContext("2d").drawImage(video, 0, 0);
  return picture.convertToBlob({ type: "image/jpeg", quality: 0.92 });
}

function whyNoCamera(error) {
  if (!navigator.mediaDevices)
    return "The camera needs https, or the page on this computer (localhost). A picture file works.";
  if (error.name === "NotAllowedError")
    return "The camera was not allowed. You can allow it in the address bar, or choose a picture.";
  if (error.name === "NotFoundError") return "There is no camera here. You can choose, drop or paste a picture.";
  return "The camera does not start. You can choose, drop or paste a picture.";
}
