// Draws the figures of a report from the JSON beside them, in the colours of the page, and for paper in its width.
"use strict";
(() => {
  const PAPER = 865; // CSS pixels: the width between the margins of A4, 675, over the zoom that report.css gives figures
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const role = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function colours(layout, text, line) {
    const found = { "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)", "font.color": role(text) };
    const axes = Object.keys(layout).filter((name) => /^[xy]axis\d*$/.test(name));
    for (const axis of axes.length ? axes : ["xaxis", "yaxis"]) {
      found[axis + ".gridcolor"] = found[axis + ".linecolor"] = found[axis + ".zerolinecolor"] = role(line);
    }
    return found;
  }
  const onScreen = (plot) => colours(plot.layout, "--text", "--line");

  const plots = [];
  let recoloured = false;
  for (const source of document.querySelectorAll("script[data-figure]")) {
    const figure = JSON.parse(source.textContent);
    const place = source.previousElementSibling;
    const settings = { responsive: true, displaylogo: false, showTips: false };
    figure.config = Object.assign({}, settings, { plotlyServerURL: "" });
    Plotly.newPlot(place, figure).then(() => {
      plots.push(place);
      if (dark.matches) {
        Plotly.relayout(place, onScreen(place));
        recoloured = true;
      }
      place.dataset.drawn = "yes";
    });
  }
  dark.addEventListener("change", () => {
    recoloured = true;
    for (const plot of plots) Plotly.relayout(plot, onScreen(plot));
  });

  // The page is laid out for paper after this event: figures have to know its width beforehand.
  let wide = new Map();
  addEventListener("beforeprint", () => {
    if (wide.size) return;
    for (const plot of plots) {
      const { width, height, autosize } = plot.layout;
      wide.set(plot, { width, height, autosize });
      const size = { width: Math.min(PAPER, width || PAPER), height: plot.clientHeight };
      Plotly.relayout(plot, Object.assign(size, recoloured && colours(plot.layout, "--text-on-paper", "--line-on-paper")));
    }
  });
  addEventListener("afterprint", () => {
    const sizes = wide;
    wide = new Map();
    for (const [plot, { width, height, autosize }] of sizes) {
      const size = { width: width ?? null, height: height ?? null, autosize: autosize ?? true };
      Plotly.relayout(plot, Object.assign(size, recoloured && onScreen(plot)));
    }
  });
})();
