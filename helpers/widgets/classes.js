// A photo of which one pixel is chosen, by mouse and by keyboard. Python says what is thought of it (classes.py).
const style = `
.chosen {font: 14px sans-serif}
.chosen .photo {position: relative; display: inline-block; cursor: crosshair; outline-offset: 2px}
.chosen .photo img {display: block; user-select: none; -webkit-user-drag: none}
.chosen .mark {position: absolute; width: 14px; height: 14px; margin: -9px 0 0 -9px; border-radius: 50%;
  border: 2px solid red; box-shadow: 0 0 0 1px white; pointer-events: none}`;

export default {
  render({ model, el }) {
    const [width, height] = model.get("size");
    const zoom = Math.max(1, 320 / Math.max(width, height));
    const make = (kind, properties) => Object.assign(document.createElement(kind), properties);
    const picture = make("img", { width: width * zoom, height: height * zoom, alt: "the photo, in gray" });
    const mark = make("span", { className: "mark" });
    const photo = make("div", { className: "photo", tabIndex: 0 });
    const root = make("div", { className: "chosen" });
    photo.setAttribute("role", "application");
    photo.append(picture, mark);
    root.append(make("style", { textContent: style }), photo);
    root.setAttribute("data-lm-suppress-shortcuts", "true"); // or JupyterLab takes the keys for itself
    el.append(root);
    picture.src = model.get("picture");

    const inside = (value, length) => Math.max(0, Math.min(length - 1, Math.round(value)));

    function draw() {
      const [x, y] = model.get("at");
      Object.assign(mark.style, { left: `${(x + 0.5) * zoom}px`, top: `${(y + 0.5) * zoom}px` });
      photo.setAttribute("aria-label", `photo, pixel ${x}, ${y} is chosen: click another, or use the arrow keys`);
    }

    function choose(x, y) {
      model.set("at", [inside(x, width), inside(y, height)]);
      model.save_changes();
      draw();
    }

    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    photo.addEventListener("keydown", (event) => {
      event.stopPropagation();
      const step = steps[event.key], far = event.shiftKey ? 20 : 4, [x, y] = model.get("at");
      if (!step) return;
      choose(x + far * step[0], y + far * step[1]);
      event.preventDefault();
    });
    photo.addEventListener("pointerdown", (event) => {
      const box = picture.getBoundingClientRect();
      const [left, down] = [event.clientX - box.left, event.clientY - box.top];
      choose(left * width / box.width - 0.5, down * height / box.height - 0.5);
    });
    model.on("change:at", draw);
    draw();
    return () => model.off("change:at", draw);
  },
};
