// Run inside the page by test_scatter.py: uses it as a reader would, and says on <body> how it went, before
// the page is loaded: until then the browser waits, however busy the machine is.
// Mouse events have whole pixels: places may be off by one
const problems = [];
const check = (so, what) => { if (!so) problems.push(what); };
const fire = (type, x, y, more = {}) => canvas.dispatchEvent(new (type === "wheel" ? WheelEvent : PointerEvent)(
  type, { clientX: x, clientY: y, pointerId: 1, bubbles: true, cancelable: true, ...more }));
const at = (type, i, more) => fire(type, screenX(i), screenY(i), more);
const ink = () => ctx.getImageData(0, 0, canvas.width, canvas.height).data.some(v => v);
addEventListener("error", e => problems.push(e.message));
function use() {
  const own = [...Array(count).keys()].find(i => nearest(screenX(i), screenY(i)) === i);
  draw(); check(ink(), "nothing is drawn");
  at("pointermove", own);
  check(!tip.hidden && tip.textContent === map.paths[own], "hovering names " + tip.textContent);
  const pixel = tip.querySelector("canvas").getContext("2d").getImageData(64, 64, 1, 1).data;
  const shade = Math.floor(200 * own / (count - 1));
  check(pixel[3] === 255 && Math.abs(pixel[0] - shade) < 12, `hovering shows ${pixel[0]}, not ${shade}`);
  at("pointerdown", own); at("pointerup", own);
  check(pins.has(own) && document.querySelector("section figure").textContent === map.paths[own], "a click does not pin");
  document.querySelector("section figure").click();
  check(pins.size === 0 && !document.querySelector("section figure"), "a click does not unpin");
  const x = screenX(own), y = screenY(own), scale = view.scale;
  fire("wheel", x, y, { deltaY: -400 });
  check(view.scale > 1.5 * scale, "the wheel does not zoom");
  check(Math.hypot(screenX(own) - x, screenY(own) - y) < 1.5, "zooming moves the point below the pointer");
  fire("pointerdown", 5, 5); fire("pointermove", 45, 25); fire("pointerup", 45, 25);
  check(Math.hypot(screenX(own) - x - 40, screenY(own) - y - 20) < 1.5, "dragging does not move the map");
  check(pins.size === 0, "dragging pins");
  fire("dblclick", 2, innerHeight - 2);
  const out = i => screenX(i) < 0 || screenY(i) < 0 || screenX(i) > innerWidth || screenY(i) > innerHeight;
  check(![...Array(count).keys()].some(out), "a double click does not show all");
  fit();
  check(out(count - 1), "one far out squeezes the others");
  const button = document.querySelectorAll("nav button")[map.group[own]];
  check(document.querySelectorAll("nav button").length === 3, "the legend is not one of three");
  button.click();
  check(button.getAttribute("aria-pressed") === "false" && !visible().includes(own), "the legend hides nothing");
  at("pointermove", own); check(tip.textContent !== map.paths[own] || tip.hidden, "what is hidden is hovered");
  button.click(); check(visible().includes(own), "the legend shows nothing again");
}
addEventListener("load", () => {
  check(sprite.complete && sprite.naturalWidth, "the thumbnails are not there");
  try { use(); } catch (e) { problems.push(String(e)); }
  document.body.dataset.check = problems.length ? problems.join("; ") : "all is well";
});
