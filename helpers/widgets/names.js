// For screen readers: sliders, which ipywidgets leaves without a name, get that of their label, and the picture, which
// JupyterLab shows without its description, gets what Python says of it (controls.py). Nothing of this is seen.
export default {
  render({ model, el }) {
    el.hidden = true;
    const name = () => {
      const place = el.closest(".jp-OutputArea") ?? el.closest(".widget-vbox");
      for (const slider of place?.querySelectorAll(".widget-slider") ?? []) {
        slider.querySelector(".noUi-handle")?.setAttribute("aria-label", slider.querySelector("label").textContent);
      }
      for (const picture of place?.querySelectorAll(".jp-RenderedImage img") ?? []) picture.alt = model.get("alt");
      return place;
    };
    const watcher = new MutationObserver(name); // a changed picture is another element
    const begin = () => {
      const place = name();
      if (place) watcher.observe(place, { childList: true, subtree: true });
      else if (waits-- > 0) setTimeout(begin, 100); // not in the page yet
    };
    let waits = 100;
    begin();
    model.on("change:alt", name);
    return () => {
      waits = 0;
      watcher.disconnect();
    };
  },
};
