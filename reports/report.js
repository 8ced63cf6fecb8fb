// Draws the figures of a report from the JSON beside them, in the colours of the page.
"use strict";
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const role = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function colours(layout) {
    const found = { "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)", "font.color": role("--text") };
    const axes = Object.keys(layout).filter((name) => /^[xy]axis\d*$/.test(name));
    for (const axis of axes.length ? axes : ["xaxis", "yaxis"]) {
      found[axis + ".gridcolor"] = found[axis + ".linecolor"] = found[axis + ".zerolinecolor"] = role("--line");
    }
    return found;
  }

  const plots = [];
  for (const source of document.querySelectorAll("script[data-figure]")) {
    const figure = JSON.parse(source.textContent);
    const place = source.previousElementSibling;
    const settings = { responsive: true, displaylogo: false, showTips: false };
    figure.config = Object.assign({}, settings, { plotlyServerURL: "" });
    Plotly.newPlot(place, figure).then(() => {
      plots.push(place);
      if (dark.matches) Plotly.relayout(place, colours(place.layout));
      place.dataset.drawn = "yes";
    });
  }
  dark.addEventListener("change", () => plots.forEach((plot) => Plotly.relayout(plot, colours(plot.layout))));
  addEventListener("beforeprint", () => plots.forEach((plot) => Plotly.Plots.resize(plot)));
})();
