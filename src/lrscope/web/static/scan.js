/* The charts of a scan: where runs end against learning rate, and their curves. uPlot gives axes, scales and zoom
   (charts.js); marks and lines are drawn here, because a scan's runs share no steps. */
(() => {
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const $ = id => document.getElementById(id);
const { runs, recommendation: named } = data;
const state = { metric: 0, x: data.xaxis, shown: "all", logy: false, smooth: true, picked: null, near: null };
let left = null, right = null;

const { rate, value, shade, ink, chart } = charts;
const rates = runs.map(r => r.lr), lowest = Math.min(...rates), highest = Math.max(...rates);
const place = lr => highest > lowest ? Math.log(lr / lowest) / Math.log(highest / lowest) : .5;
const gone = r => r.state === "diverged" || r.state === "failed";
const visible = r => state.shown === "all" || (state.shown === "kept" ? !gone(r) : r.state === "complete");

/* left: where runs end */
function window_(kind) {
  const m = data.metrics[state.metric], w = m[kind];
  if (state.logy && w.low > 0) return { low: w.low, high: w.high, log: true };
  if (state.logy && w.lowest > 0) return { low: w.lowest, high: w.high, log: true };
  return { low: w.low, high: w.high, log: false };
}
const worst = () => data.metrics[state.metric].goal === "min" ? 1 : -1;
function ends() {
  const y = window_("levels"), points = [];
  runs.forEach((r, i) => {
    if (!visible(r)) return;
    const c = r.curves[state.metric], level = c ? c.level : null;
    if (gone(r)) points.push({ run: i, x: r.lr, y: null, edge: worst(), gone: true });
    else if (level !== null) points.push({ run: i, x: r.lr, y: level, edge: level > y.high ? 1 : level < y.low ? -1 : 0 });
  });
  return points;
}
function drawLeft(u, ctx, dpr) {
  const c = ink(), X = v => u.valToPos(v, "x", true), Y = v => u.valToPos(v, "y", true), { top, height } = u.bbox;
  const judged = state.metric === 0;
  if (data.band && judged) { const slim = data.band.low === data.band.high ? 1.06 : 1; ctx.fillStyle = c.band; ctx.fillRect(X(data.band.low / slim), top, X(data.band.high * slim) - X(data.band.low / slim), height); }
  if (data.cliff) {
    if (data.cliff.low !== null && data.cliff.high !== null) { ctx.fillStyle = c.cliff; ctx.fillRect(X(data.cliff.low), top, X(data.cliff.high) - X(data.cliff.low), height); }
    ctx.strokeStyle = c.gone; ctx.lineWidth = 1.5 * dpr; ctx.setLineDash([6 * dpr, 4 * dpr]);
    ctx.beginPath(); ctx.moveTo(X(data.cliff.lr), top); ctx.lineTo(X(data.cliff.lr), top + height); ctx.stroke(); ctx.setLineDash([]);
  }
  const points = ends(), by = new Map(), seen = [...new Set(points.map(p => p.x))].sort((a, b) => a - b);
  for (const p of points) if (!p.gone && runs[p.run].state === "complete") by.set(p.x, [...(by.get(p.x) || []), p.y]);
  /* full runs are joined where no other run stands between them: a line past those would cut through the valley */
  ctx.strokeStyle = c.done; ctx.globalAlpha = .5; ctx.lineWidth = 1.3 * dpr; ctx.beginPath();
  seen.forEach((x, i) => { if (!by.has(x)) return; const m = by.get(x).reduce((a, b) => a + b) / by.get(x).length; i && by.has(seen[i - 1]) ? ctx.lineTo(X(x), Y(m)) : ctx.moveTo(X(x), Y(m)); });
  ctx.stroke(); ctx.globalAlpha = 1;
  for (const p of points) {
    const r = runs[p.run], x = X(p.x), y = p.edge ? (p.edge > 0 ? top + 9 * dpr : top + height - 9 * dpr) : Y(p.y);
    const kind = p.gone ? "x" : p.edge ? (p.edge > 0 ? "up" : "down") : r.state === "complete" ? "full" : "hollow";
    mark(ctx, kind, x, y, dpr, r.share);
    if (p.run === state.picked || p.run === state.near) { ctx.strokeStyle = c.accent; ctx.lineWidth = 2 * dpr; ctx.beginPath(); ctx.arc(x, y, 10 * dpr, 0, 7); ctx.stroke(); }
  }
  if (named && judged && data.at !== null) {
    const y = Y(data.at);
    if (named.low !== null && named.high !== null) {
      ctx.strokeStyle = c.accent; ctx.lineWidth = 3 * dpr; ctx.beginPath();
      ctx.moveTo(X(named.low), y); ctx.lineTo(X(named.high), y);
      for (const e of [named.low, named.high]) { ctx.moveTo(X(e), y - 6 * dpr); ctx.lineTo(X(e), y + 6 * dpr); }
      ctx.stroke();
    }
    mark(ctx, "diamond", X(named.lr), y, dpr);
  }
}
function mark(ctx, kind, x, y, dpr, share) {
  const c = ink(), path = (...p) => { ctx.beginPath(); p.forEach(([a, b], i) => i ? ctx.lineTo(x + a * dpr, y + b * dpr) : ctx.moveTo(x + a * dpr, y + b * dpr)); };
  ctx.lineWidth = 1.6 * dpr;
  if (kind === "x") {
    ctx.strokeStyle = c.gone; ctx.lineWidth = 2.2 * dpr;
    path([-4.5, -4.5], [4.5, 4.5]); ctx.stroke(); path([-4.5, 4.5], [4.5, -4.5]); ctx.stroke();
  } else if (kind === "diamond") {
    path([0, -8], [8, 0], [0, 8], [-8, 0]); ctx.closePath(); ctx.fillStyle = c.accent; ctx.fill(); ctx.strokeStyle = c.card; ctx.stroke();
  } else if (kind === "up" || kind === "down") {
    const s = kind === "up" ? 1 : -1;
    path([-5, 4 * s], [5, 4 * s], [0, -5 * s]); ctx.closePath(); ctx.fillStyle = c.card; ctx.fill(); ctx.strokeStyle = c.done; ctx.stroke();
  } else {
    ctx.beginPath(); ctx.arc(x, y, (kind === "full" ? 5.5 : 2.8 + 2.4 * Math.sqrt(share ?? .5)) * dpr, 0, 7);
    ctx.fillStyle = kind === "full" ? c.done : c.card; ctx.fill();
    ctx.strokeStyle = kind === "full" ? c.card : c.done; ctx.stroke();
  }
}

/* right: curves */
const xOf = (r, s) => state.x === "flow" ? s * r.lr : s;
const lines = () => runs.map((r, i) => [r, i]).filter(([r]) => visible(r) && r.curves[state.metric]);
function xWindow() {
  const log = state.x !== "linear";
  let low = Infinity, high = -Infinity;
  for (const [r] of lines()) for (const s of r.curves[state.metric].s) { const x = xOf(r, s); if (!log || x > 0) { low = Math.min(low, x); high = Math.max(high, x); } }
  if (!(high >= low)) { low = log ? 1 : 0; high = 10; }
  if (!log) low = Math.min(0, low);
  if (high <= low) high = log ? low * 10 : low + 1;
  return { low: log ? low / 1.03 : low, high: log ? high * 1.05 : high * 1.02, log };
}
function drawRight(u, ctx, dpr) {
  const c = ink(), chosen = state.picked ?? state.near, X = v => u.valToPos(v, "x", true), Y = v => u.valToPos(v, "y", true);
  const rank = ([r, i]) => (i === chosen ? 4 : 0) + (r.named ? 2 : 0) + (gone(r) ? 0 : 1);
  ctx.lineJoin = "round";
  for (const [r, i] of lines().sort((a, b) => rank(a) - rank(b))) {
    const k = r.curves[state.metric], strong = i === chosen || (chosen === null && r.named), fade = chosen !== null && i !== chosen ? .22 : 1;
    const colour = r.named ? c.accent : shade(place(r.lr)), smooth = state.smooth && k.m;
    if (smooth) { line(k.s, k.v, r, colour, .8, (strong ? .38 : .2) * fade); if (strong) line(k.ms, k.m, r, c.card, 5.5, .9); line(k.ms, k.m, r, colour, strong ? 3 : 1.6, fade); }
    else { if (strong && !k.m) line(k.s, k.v, r, c.card, 5.5, .9); line(k.s, k.v, r, colour, k.m ? (strong ? 1.4 : .9) : strong ? 3 : 1.6, fade); }
  }
  function line(steps, values, r, colour, width, alpha) {
    ctx.strokeStyle = ctx.fillStyle = colour; ctx.globalAlpha = alpha; ctx.lineWidth = width * dpr; ctx.beginPath();
    let pen = false;
    for (let i = 0; i < steps.length; i++) {
      const x = xOf(r, steps[i]), v = values[i];
      if (v === null || (u.scales.y.distr === 3 && v <= 0) || (u.scales.x.distr === 3 && x <= 0)) { pen = false; continue; }
      // Canvas paths go wrong on coordinates of billions; far outside is far outside.
      const y = Math.max(-1e5, Math.min(1e5, Y(v)));
      pen ? ctx.lineTo(X(x), y) : ctx.moveTo(X(x), y); pen = true;
    }
    ctx.stroke();
    if (steps.length === 1 && values[0] !== null) { ctx.beginPath(); ctx.arc(X(xOf(r, steps[0])), Y(values[0]), 2.5 * dpr, 0, 7); ctx.fill(); }
    ctx.globalAlpha = 1;
  }
}
function* curvePoints() {
  for (const [r, run] of lines()) {
    const k = r.curves[state.metric], smooth = state.smooth && k.m, s = smooth ? k.ms : k.s, v = smooth ? k.m : k.v;
    for (let i = 0; i < s.length; i++) if (v[i] !== null && (state.x === "linear" || s[i] > 0) && (!right || right.scales.y.distr !== 3 || v[i] > 0)) yield { run, x: xOf(r, s[i]), y: v[i], step: s[i] };
  }
}

/* words */
const seeds = new Set(runs.map(r => r.seed)).size > 1;
const title = r => `rate ${r.label}${seeds ? `, seed ${r.seed}` : ""}`;
function endWords(p) {
  const r = runs[p.run];
  return p.gone ? `${title(r)}: ${r.state} at step ${r.steps}` : `${title(r)}: ${value(p.y)} at step ${r.steps}, ${r.state}`;
}
function hover(run) {
  if (state.near === run) return;
  state.near = run;
  if (left) left.redraw(false);
  if (right) right.redraw(false);
}
function pick(run) {
  state.picked = run === state.picked ? null : run;
  $("clear").disabled = state.picked === null;
  document.querySelectorAll("#runs tbody tr").forEach(row => {
    const on = +row.dataset.run === state.picked;
    row.classList.toggle("picked", on);
    row.querySelector(".pick").setAttribute("aria-pressed", String(on));
  });
  $("live").textContent = state.picked === null ? "No run is highlighted." : `Highlighted: ${title(runs[state.picked])}, ${runs[state.picked].state}.`;
  if (left) left.redraw(false);
  if (right) right.redraw(false);
}

/* putting it up */
function build() {
  left?.destroy(); right?.destroy(); left = right = null; state.near = null;
  const m = data.metrics[state.metric], y = window_("levels"), yc = window_("curves");
  left = chart($("left"), { low: lowest / 1.35, high: highest * 1.35, log: true, label: "learning rate" }, { ...y, label: m.name }, drawLeft, ends, endWords, { hover, pick });
  const x = { log: "step (log)", linear: "step", flow: "learning rate × step (log)" }[state.x];
  right = chart($("right"), { ...xWindow(), label: x }, { ...yc, label: m.name }, drawRight, curvePoints, p => `${title(runs[p.run])}: ${value(p.y)} at step ${p.step}`, { hover, pick });
  const noisy = runs.some(r => r.curves[state.metric]?.m);
  $("tool-smooth").hidden = !noisy;
  $("left-note").textContent = m.reading;
  $("right-note").textContent = noisy && state.smooth ? data.smoothing : "";
  key(); scale();
}
function key() {
  const list = $("key"), items = [], some = f => runs.filter(r => visible(r) && f(r)).length;
  if (named && state.metric === 0) items.push(["diamond", "recommended"]);
  const full = some(r => r.state === "complete"), cut = some(r => !gone(r) && r.state !== "complete"), lost = some(gone);
  if (full) items.push(["full", `${full} full run${full > 1 ? "s" : ""}`]);
  if (cut) items.push(["hollow", `${cut} stopped${data.far ? `, ${data.far}` : ""}`]);
  if (lost) items.push(["x", `${lost} diverged or failed`]);
  list.replaceChildren(...items.map(([kind, words]) => {
    const item = document.createElement("li"), canvas = document.createElement("canvas");
    canvas.width = 36; canvas.height = 28;
    mark(canvas.getContext("2d"), kind, 18, 14, 1.6, 1);
    item.append(canvas, words);
    return item;
  }));
}
function scale() {
  const [a, b] = $("scale").querySelectorAll("span"), canvas = $("scale").querySelector("canvas"), ctx = canvas.getContext("2d");
  a.textContent = rate(lowest); b.textContent = rate(highest);
  for (let i = 0; i < 256; i++) { ctx.fillStyle = shade(i / 255); ctx.fillRect(i, 0, 1, 1); }
}
function logDefault() {
  const m = data.metrics[state.metric];
  state.logy = m.levels.log; $("logy").checked = state.logy; $("logy").disabled = !(m.levels.lowest > 0);
}

/* tools and table */
data.metrics.forEach((m, i) => $("metric").append(new Option(m.name, i)));
$("tool-metric").hidden = data.metrics.length < 2;
$("xaxis").value = state.x;
$("tools").hidden = false;
$("tools").addEventListener("submit", e => e.preventDefault());
$("metric").addEventListener("change", e => { state.metric = +e.target.value; logDefault(); build(); });
$("xaxis").addEventListener("change", e => { state.x = e.target.value; build(); });
$("shown").addEventListener("change", e => { state.shown = e.target.value; build(); });
$("logy").addEventListener("change", e => { state.logy = e.target.checked; build(); });
$("smooth").addEventListener("change", e => { state.smooth = e.target.checked; build(); });
$("clear").addEventListener("click", () => pick(null));
addEventListener("keydown", e => { if (e.key === "Escape" && state.picked !== null) pick(null); });
const body = document.querySelector("#runs tbody");
body.addEventListener("click", e => { const row = e.target.closest("tr"); if (row && String(getSelection()) === "") pick(+row.dataset.run); });
document.querySelectorAll("#runs th button").forEach((button, column) => button.addEventListener("click", () => {
  const head = button.parentElement, up = head.getAttribute("aria-sort") !== "ascending";
  document.querySelectorAll("#runs th").forEach(th => th.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const of = row => row.children[column].dataset.v, number = head.classList.contains("num");
  // What has no number goes last, whichever way the rest is sorted.
  const compare = (a, b) => of(a) === "" || of(b) === "" ? (of(a) === "") - (of(b) === "") : (up ? 1 : -1) * (number ? of(a) - of(b) : of(a).localeCompare(of(b)));
  body.append(...[...body.rows].sort(compare));
}));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", build);
addEventListener("beforeprint", () => { charts.print = true; build(); });
addEventListener("afterprint", () => { charts.print = false; build(); });
new ResizeObserver(() => { for (const [u, box] of [[left, $("left")], [right, $("right")]]) if (u && box.clientWidth && box.clientWidth !== u.width) u.setSize({ width: box.clientWidth, height: box.clientHeight }); }).observe(document.querySelector(".pair"));
$("thinned").textContent = data.thinned;
logDefault();
build();
document.documentElement.dataset.ready = "yes";
})();
