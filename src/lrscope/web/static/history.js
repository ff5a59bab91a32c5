/* The history of a scan: which run advanced when, and what the forecast was at several moments. */
(() => {
"use strict";
const { history: told, metric, recommendation } = JSON.parse(document.getElementById("data").textContent);
const section = document.getElementById("history");
if (!told || !told.stretches.length) { section.hidden = true; return; }
const { rate, value, ink, shade, chart } = charts;
const $ = id => document.getElementById(id);
const none = { hover: () => {}, pick: () => {} };
const rates = told.stretches.map(s => s.lr), total = told.stretches.at(-1).end;
const low = Math.min(...rates) / 1.35, high = Math.max(...rates) * 1.35;
const depth = s => Math.max(0, 1 + Math.log10(Math.max(s.share, 1e-3)) / 3);
const moments = told.moments, shades = [.75, .4];
const colour = k => k === moments.length - 1 ? ink().accent : shade(shades[k]);
let path = null, model = null;

function drawPath(u, ctx, dpr) {
  const c = ink(), X = v => u.valToPos(v, "x", true), Y = v => u.valToPos(v, "y", true);
  for (const s of told.stretches) {
    const x = X(s.begin), y = Y(s.lr), wide = Math.max(X(s.end) - x, 2 * dpr);
    ctx.fillStyle = s.lr === recommendation?.lr ? c.accent : shade(1 - depth(s));
    ctx.fillRect(x, y - 3.5 * dpr, wide, 7 * dpr);
    if (s.lost) {
      ctx.strokeStyle = c.gone; ctx.lineWidth = 2 * dpr; ctx.beginPath();
      for (const d of [1, -1]) { ctx.moveTo(x + wide - 4 * dpr, y - 4 * d * dpr); ctx.lineTo(x + wide + 4 * dpr, y + 4 * d * dpr); }
      ctx.stroke();
    }
  }
}
const stretches = () => told.stretches.map((s, run) => ({ run, x: (s.begin + s.end) / 2, y: s.lr }));
const why = p => { const s = told.stretches[p.run]; return `rate ${rate(s.lr)} from step ${s.from_step} to ${s.to_step}: ${s.reason}`; };

function drawModel(u, ctx, dpr) {
  const c = ink(), X = v => u.valToPos(v, "x", true), Y = v => u.valToPos(v, "y", true);
  moments.forEach((m, k) => {
    const along = (values, back) => (back ? [...m.rates.keys()].reverse() : [...m.rates.keys()]).map(i => [X(m.rates[i]), Y(values[i])]);
    const draw = points => points.forEach(([x, y], i) => i ? ctx.lineTo(x, y) : ctx.moveTo(x, y));
    ctx.fillStyle = colour(k); ctx.globalAlpha = .13; ctx.beginPath();
    [...along(m.low, false), ...along(m.high, true)].forEach(([x, y], i) => i ? ctx.lineTo(x, y) : ctx.moveTo(x, y));
    ctx.fill(); ctx.globalAlpha = 1;
    ctx.strokeStyle = colour(k); ctx.lineWidth = (k === moments.length - 1 ? 2.6 : 1.5) * dpr; ctx.beginPath(); draw(along(m.middle, false)); ctx.stroke();
    const at = m.rates.indexOf(m.named);
    if (at >= 0) {
      const x = X(m.named), y = Y(m.middle[at]), r = 6.5 * dpr;
      ctx.fillStyle = colour(k); ctx.strokeStyle = c.card; ctx.beginPath();
      ctx.moveTo(x, y - r); ctx.lineTo(x + r, y); ctx.lineTo(x, y + r); ctx.lineTo(x - r, y); ctx.closePath(); ctx.fill(); ctx.stroke();
    }
  });
}
const forecasts = () => moments.flatMap((m, run) => m.rates.map((x, i) => ({ run, x, y: m.middle[i], i })));
const said = p => { const m = moments[p.run]; return `after ${rate(m.spent)} full runs, rate ${rate(p.x)}: ${value(m.middle[p.i])} (90 %: ${value(m.low[p.i])} to ${value(m.high[p.i])}), ${Math.round(100 * m.best[p.i])} % to be the best`; };

function keys(list, items) {
  list.replaceChildren(...items.map(([fill, words]) => {
    const item = document.createElement("li"), swatch = document.createElement("canvas"), ctx = swatch.getContext("2d");
    swatch.width = 36; swatch.height = 28; ctx.fillStyle = fill; ctx.fillRect(4, 10, 28, 9);
    item.append(swatch, words);
    return item;
  }));
}
function build() {
  path?.destroy(); model?.destroy();
  path = chart($("path"), { low: 0, high: total * 1.02, log: false, label: "spent, in full runs" }, { low, high, log: true, label: "learning rate" }, drawPath, stretches, why, none);
  keys($("path-key"), [[shade(1), "run to 0.1 % of its length"], [shade(.5), "to 3 %"], [shade(0), "to its end"], [ink().accent, "recommended rate"]]);
  $("model-figure").hidden = !moments.length;
  if (!moments.length) return;
  const values = moments.flatMap(m => [...m.low, ...m.high]), least = Math.min(...values), most = Math.max(...values), pad = .05 * (most - least) || 1;
  const ends = moments.flatMap(m => m.rates);
  model = chart($("model"), { low: Math.min(...ends) / 1.35, high: Math.max(...ends) * 1.35, log: true, label: "learning rate" }, { low: least - pad, high: most + pad, log: false, label: `${metric ?? "value"} at the end` }, drawModel, forecasts, said, none);
  keys($("model-key"), moments.map((m, k) => [colour(k), `after ${rate(m.spent)} full runs: ${rate(m.named)}`]));
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", build);
addEventListener("beforeprint", build);
addEventListener("afterprint", build);
new ResizeObserver(() => { for (const [u, box] of [[path, $("path")], [model, $("model")]]) if (u && box.clientWidth && box.clientWidth !== u.width) u.setSize({ width: box.clientWidth, height: box.clientHeight }); }).observe(section.querySelector(".pair"));
build();
})();
