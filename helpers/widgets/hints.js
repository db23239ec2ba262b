// The photo that is clicked: places and colors of hints, by mouse and by keyboard. Python paints (hints.py).
const style = `
.hints {font: 14px sans-serif; max-width: 720px}
.hints .bar {display: flex; gap: 8px; align-items: center; flex-wrap: wrap; margin: 4px 0}
.hints button, .hints input {font: inherit}
.hints .photo {position: relative; display: inline-block; cursor: crosshair; touch-action: none; outline-offset: 2px}
.hints .photo img {display: block; user-select: none; -webkit-user-drag: none}
.hints .mark {position: absolute; width: 18px; height: 18px; margin: -9px 0 0 -9px; padding: 0; border-radius: 50%;
  border: 2px solid white; box-shadow: 0 0 0 1.5px black; cursor: grab; font-size: 10px; line-height: 14px;
  color: white; text-shadow: 0 0 2px black, 0 0 2px black}
.hints .aim {position: absolute; width: 21px; height: 21px; margin: -10px 0 0 -10px; pointer-events: none;
  display: none; background: linear-gradient(white, white) center/1px 100% no-repeat,
  linear-gradient(white, white) center/100% 1px no-repeat; filter: drop-shadow(0 0 1px black)}
.hints .photo:focus-visible .aim {display: block}
.hints ol {margin: 6px 0; padding-left: 26px; columns: 2; max-width: 560px}
.hints li {margin: 2px 0}
.hints li.chosen {font-weight: bold}
.hints .said {min-height: 1.3em; font-style: italic}`;

function element(kind, properties = {}, ...children) {
  const made = Object.assign(document.createElement(kind), properties);
  made.append(...children);
  return made;
}

export default {
  render({ model, el }) {
    const [width, height] = model.get("size");
    const zoom = Math.max(1, 420 / Math.max(width, height));
    let hints = model.get("hints").map((hint) => [...hint]);
    let past = [], chosen = -1, aim = [width >> 1, height >> 1];
    let busy = false, waiting = false, since = 0;

    const color = element("input", { type: "color", value: model.get("color"), title: "the color of the next hint" });
    color.setAttribute("aria-label", "color of the chosen hint, or of the next one");
    const undo = element("button", { textContent: "undo", title: "Ctrl+Z" });
    const remove = element("button", { textContent: "remove", title: "Delete" });
    const clear = element("button", { textContent: "remove all" });
    const picture = element("img", { width: width * zoom, height: height * zoom, alt: "the photo, colored" });
    const cross = element("span", { className: "aim" });
    const photo = element("div", { className: "photo", tabIndex: 0 }, picture, cross);
    photo.setAttribute("role", "application");
    photo.setAttribute("aria-label", "photo: click to give a hint; or move with the arrow keys and press Enter");
    const list = element("ol");
    const said = element("div", { className: "said" });
    said.setAttribute("aria-live", "polite");
    const bar = element("div", { className: "bar" }, element("label", {}, "color "), color, undo, remove, clear);
    const look = element("style", { textContent: style });
    const root = element("div", { className: "hints" }, look, bar, photo, list, said);
    root.setAttribute("data-lm-suppress-shortcuts", "true"); // or JupyterLab takes the keys for itself
    el.append(root);

    const inside = (value, length) => Math.max(0, Math.min(length - 1, Math.round(value)));
    const words = (i) => `hint ${i + 1} of ${hints.length}: ${hints[i][2]} at ${hints[i][0]}, ${hints[i][1]}`;

    function send() { // one picture at a time: what happens meanwhile is sent when the last one is there
      if (busy) { waiting = true; return; }
      busy = true;
      waiting = false;
      root.dataset.busy = "yes";
      since = performance.now();
      model.set("hints", hints.map((hint) => [...hint]));
      model.set("turn", model.get("turn") + 1);
      model.save_changes();
    }

    function keep() { past.push(hints.map((hint) => [...hint])); if (past.length > 200) past.shift(); }

    function draw() {
      for (const old of photo.querySelectorAll(".mark")) if (Number(old.dataset.number) >= hints.length) old.remove();
      hints.forEach(([x, y, value], i) => {
        let mark = photo.querySelector(`.mark[data-number="${i}"]`);
        if (!mark) { mark = newMark(i); photo.append(mark); }
        Object.assign(mark.style, { left: `${(x + 0.5) * zoom}px`, top: `${(y + 0.5) * zoom}px`, background: value });
        mark.textContent = i + 1;
        mark.setAttribute("aria-label", `${words(i)}. Arrow keys move it, Delete removes it`);
        let row = list.children[i];
        if (!row) { row = newRow(i); list.append(row); }
        row.className = i === chosen ? "chosen" : "";
        row.querySelector("input").value = value;
        row.querySelector("span").textContent = ` ${value} at ${x}, ${y} `;
      });
      while (list.children.length > hints.length) list.lastChild.remove();
      Object.assign(cross.style, { left: `${(aim[0] + 0.5) * zoom}px`, top: `${(aim[1] + 0.5) * zoom}px` });
      undo.disabled = past.length === 0;
      remove.disabled = chosen < 0;
      clear.disabled = hints.length === 0;
      if (chosen >= 0) color.value = hints[chosen][2];
    }

    function change(next, select, text) {
      hints = next;
      chosen = select < hints.length ? select : -1;
      said.textContent = text ?? (chosen >= 0 ? words(chosen) : `${hints.length} hints`);
      draw();
      send();
    }

    function add(x, y) {
      if (hints.length >= model.get("most")) { said.textContent = `no more than ${model.get("most")} hints`; return; }
      keep();
      change([...hints, [x, y, color.value]], hints.length);
    }

    function recolor(i, value) {
      keep();
      change(hints.map((hint, k) => (k === i ? [hint[0], hint[1], value] : hint)), i);
    }

    function move(i, x, y) {
      change(hints.map((hint, k) => (k === i ? [inside(x, width), inside(y, height), hint[2]] : hint)), i);
    }

    function drop(i) {
      if (i < 0) return;
      keep();
      change(hints.filter((_, k) => k !== i), -1, `hint ${i + 1} removed, ${hints.length - 1} left`);
      photo.focus();
    }

    function back() {
      if (past.length) change(past.pop(), -1, "undone");
    }

    function place(event) {
      const box = picture.getBoundingClientRect();
      return [inside((event.clientX - box.left) * width / box.width - 0.5, width),
              inside((event.clientY - box.top) * height / box.height - 0.5, height)];
    }

    function newMark(i) {
      const mark = element("button", { className: "mark" });
      mark.dataset.number = i;
      mark.addEventListener("focus", () => { chosen = i; said.textContent = words(i); draw(); });
      mark.addEventListener("pointerdown", (event) => {
        event.stopPropagation();
        mark.setPointerCapture(event.pointerId);
        keep();
        let moved = false;
        const drag = (e) => { moved = true; move(i, ...place(e)); };
        mark.addEventListener("pointermove", drag);
        mark.addEventListener("pointerup", () => {
          mark.removeEventListener("pointermove", drag);
          if (!moved) past.pop();
          draw();
        }, { once: true });
      });
      return mark;
    }

    function newRow(i) {
      const value = element("input", { type: "color", value: hints[i][2] });
      value.setAttribute("aria-label", `color of hint ${i + 1}`);
      value.addEventListener("change", () => recolor(i, value.value));
      const away = element("button", { textContent: "×", title: "remove" });
      away.setAttribute("aria-label", `remove hint ${i + 1}`);
      away.addEventListener("click", () => drop(i));
      return element("li", {}, value, element("span"), away);
    }

    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    root.addEventListener("keydown", (event) => {
      event.stopPropagation();
      const number = event.target.classList.contains("mark") ? Number(event.target.dataset.number) : -1;
      const far = event.shiftKey ? 10 : 1, step = steps[event.key];
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") back();
      else if (number >= 0 && step) {
        if (!event.repeat) keep();
        move(number, hints[number][0] + far * step[0], hints[number][1] + far * step[1]);
      } else if (number >= 0 && (event.key === "Delete" || event.key === "Backspace")) drop(number);
      else if (event.target === photo && step) {
        aim = [inside(aim[0] + far * step[0], width), inside(aim[1] + far * step[1], height)];
        said.textContent = `at ${aim[0]}, ${aim[1]}`;
        draw();
      } else if (event.target === photo && (event.key === "Enter" || event.key === " ")) add(...aim);
      else return;
      event.preventDefault();
    });
    photo.addEventListener("pointerdown", (event) => {
      if (event.target.classList.contains("mark")) return;
      aim = place(event);
      add(...aim);
    });
    color.addEventListener("change", () => { if (chosen >= 0) recolor(chosen, color.value); });
    undo.addEventListener("click", back);
    remove.addEventListener("click", () => drop(chosen));
    clear.addEventListener("click", () => { keep(); change([], -1, "all hints removed"); });

    async function show() {
      picture.src = model.get("colored");
      try { await picture.decode(); } catch { return; } // another one came meanwhile
      if (busy && model.get("painted") === model.get("turn")) {
        busy = false;
        root.dataset.ms = Math.round(performance.now() - since);
        root.dataset.painted = model.get("painted");
        root.dataset.busy = "no";
        if (waiting) send();
      }
    }
    model.on("change:painted", show);
    show();
    draw();
    return () => model.off("change:painted", show);
  },
};
