/* The report's pictures: where runs end against learning rate, and their curves. uPlot gives axes, scales and zoom;
   marks and lines are drawn here, because a scan's runs share no steps. No text reaches the page as markup. */
(() => {
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const $ = id => document.getElementById(id);
const runs = data.runs;
if (!runs.length || !data.metrics.length) { document.querySelector(".pictures").hidden = true; }
const state = { metric: 0, x: data.xaxis, shown: "all", logy: false, smooth: true, picked: null, near: null, print: false };
let left = null, right = null;

/* numbers, as views/numbers.py writes them */
const trim = t => t.includes(".") ? t.replace(/0+$/, "").replace(/\.$/, "") : t;
const power = x => { const [m, e] = x.split("e"); return `${trim(m)}e${+e}`; };
const rate = (x, digits = 2) => {
  const r = +x.toPrecision(digits);
  if (r === 0) return "0";
  const size = Math.abs(r);
  return size >= 1e-3 && size < 1e4 ? String(r) : power(r.toExponential(digits - 1));
};
const value = x => x === null ? "nan" : x === 0 ? "0" : Math.abs(x) >= 1e-3 && Math.abs(x) < 1e5 ? x.toPrecision(4) : power(x.toExponential(3));

/* colour: viridis, kept away from the ground it is drawn on */
const VIRIDIS = [[68,1,84],[72,40,120],[62,74,137],[49,104,142],[38,130,142],[31,158,137],[53,183,121],[109,205,89],[180,222,44],[253,231,37]];
const dark = () => !state.print && matchMedia("(prefers-color-scheme: dark)").matches;
const shade = t => {
  t = (dark() ? .2 + .8 * t : .88 * t) * (VIRIDIS.length - 1);
  const i = Math.min(Math.floor(t), VIRIDIS.length - 2), f = t - i;
  return `rgb(${VIRIDIS[i].map((c, k) => Math.round(c + f * (VIRIDIS[i + 1][k] - c))).join(",")})`;
};
const rates = runs.map(r => r.lr), lowest = Math.min(...rates), highest = Math.max(...rates);
const place = lr => highest > lowest ? Math.log(lr / lowest) / Math.log(highest / lowest) : .5;
const LIGHT = { ink: "#1d2530", soft: "#5d6876", grid: "#eceef1", line: "#c9ced5", accent: "#c2410c", band: "rgba(234,138,66,.24)", done: "#2b5b84", gone: "#a32638", card: "#ffffff", cliff: "rgba(163,38,56,.09)" };
const DARK = { ink: "#e6eaef", soft: "#9aa6b4", grid: "#262d36", line: "#3a444f", accent: "#ff9152", band: "rgba(255,145,82,.2)", done: "#8fc1ec", gone: "#ff7a8a", card: "#1a2027", cliff: "rgba(255,122,138,.1)" };
const ink = () => dark() ? DARK : LIGHT;
const gone = r => r.state === "diverged" || r.state === "failed";
const visible = r => state.shown === "all" || (state.shown === "kept" ? !gone(r) : r.state === "complete");

/* axes */
function splits(isLog) {
  return (u, axis, low, high, incr) => {
    let log = isLog;
    const found = [];
    if (log && Math.log10(high / low) < .5) { // too little of a decade for round powers: ticks as on a linear axis
      const raw = (high - low) / 5, ten = 10 ** Math.floor(Math.log10(raw));
      incr = ten * [1, 2, 5, 10].find(k => ten * k >= raw * .999);
      log = false;
    }
    if (!log) {
      for (let i = Math.ceil(low / incr - 1e-9); i * incr <= high * (1 + 1e-12) + 1e-12 * incr; i++) found.push(+(i * incr).toPrecision(12));
      return found;
    }
    const decades = Math.log10(high / low), subs = decades < 1.7 ? [1, 2, 5] : [1];
    const room = Math.max(3, (axis === 0 ? u.width : u.height) / (axis === 0 ? 62 : 40));
    const stride = Math.max(1, Math.ceil(decades / room));
    for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++)
      if (e % stride === 0) for (const s of subs) { const v = +`${s}e${e}`; if (v >= low * .999 && v <= high * 1.001) found.push(v); }
    return found;
  };
}
function options(box, x, y, hooks) {
  const c = ink(), font = '12px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif';
  const axis = (log, label, extra) => Object.assign({
    stroke: c.soft, font, labelFont: font, label, labelSize: 20, labelGap: 0, grid: { stroke: c.grid, width: 1 }, ticks: { stroke: c.line, width: 1, size: 4 },
    splits: splits(log), filter: (u, s) => s, values: (u, s) => s.map(v => rate(v, 6)),
  }, extra);
  return {
    width: box.clientWidth, height: box.clientHeight, padding: [10, 12, 0, 0], legend: { show: false }, pxAlign: 0,
    scales: { x: { time: false, distr: x.log ? 3 : 1, range: (u, a, b) => [a, b] }, y: { distr: y.log ? 3 : 1, range: (u, a, b) => [a, b] } },
    axes: [axis(x.log, x.label, { space: 50, size: 34 }), axis(y.log, y.label, { space: 34, size: 48 })],
    series: [{}, { paths: () => null, points: { show: false } }],
    cursor: { drag: { x: true, y: true, uni: 24, setScale: true }, points: { show: false }, x: false, y: false },
    hooks,
  };
}
function chart(box, x, y, draw, candidates, words) {
  const tip = Object.assign(document.createElement("div"), { className: "tip", hidden: true });
  let down = null;
  const u = new uPlot(options(box, x, y, {
    draw: [u => {
      const ctx = u.ctx;
      ctx.save(); ctx.beginPath(); ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height); ctx.clip();
      draw(u, ctx, devicePixelRatio || 1);
      ctx.restore();
    }],
    setCursor: [u => {
      const found = u.cursor.left >= 0 ? nearest(u, candidates(u)) : null;
      tip.hidden = !found;
      if (found) {
        tip.textContent = words(found);
        const wide = u.over.clientWidth, across = tip.offsetWidth;
        tip.style.left = `${Math.max(0, Math.min(found.px + 12, wide - across))}px`;
        tip.style.top = `${found.py > 44 ? found.py - 40 : found.py + 14}px`;
      }
      hover(found ? found.run : null);
    }],
  }), [[x.low, x.high], [y.low, y.high]], box);
  u.over.append(tip);
  u.over.addEventListener("mousedown", e => { down = [e.clientX, e.clientY]; });
  u.over.addEventListener("click", e => {
    if (down && Math.hypot(e.clientX - down[0], e.clientY - down[1]) > 4) return;
    const found = nearest(u, candidates(u));
    pick(found ? found.run : null);
  });
  u.over.addEventListener("mouseleave", () => { tip.hidden = true; hover(null); });
  return u;
}
function nearest(u, points) {
  let best = null, least = 28;
  for (const p of points) {
    const px = u.valToPos(p.x, "x"), py = p.edge ? (p.edge > 0 ? 8 : u.over.clientHeight - 8) : u.valToPos(p.y, "y");
    const d = Math.hypot(px - u.cursor.left, py - u.cursor.top);
    if (d < least) { least = d; best = Object.assign({ px, py }, p); }
  }
  return best;
}

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
  if (data.lr && judged && data.at !== null) {
    const y = Y(data.at);
    if (data.lr.low !== null && data.lr.high !== null) {
      ctx.strokeStyle = c.accent; ctx.lineWidth = 3 * dpr; ctx.beginPath();
      ctx.moveTo(X(data.lr.low), y); ctx.lineTo(X(data.lr.high), y);
      for (const e of [data.lr.low, data.lr.high]) { ctx.moveTo(X(e), y - 6 * dpr); ctx.lineTo(X(e), y + 6 * dpr); }
      ctx.stroke();
    }
    mark(ctx, "diamond", X(data.lr.lr), y, dpr);
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
  $("live").textContent = state.picked === null ? "No run is picked out." : `Picked out: ${title(runs[state.picked])}, ${runs[state.picked].state}.`;
  if (left) left.redraw(false);
  if (right) right.redraw(false);
}

/* putting it up */
function build() {
  if (!runs.length || !data.metrics.length) return;
  left?.destroy(); right?.destroy(); left = right = null; state.near = null;
  const m = data.metrics[state.metric], y = window_("levels"), yc = window_("curves");
  left = chart($("left"), { low: lowest / 1.35, high: highest * 1.35, log: true, label: "learning rate" }, { ...y, label: m.name }, drawLeft, ends, endWords);
  const x = { log: "step (log)", linear: "step", flow: "learning rate × step (log)" }[state.x];
  right = chart($("right"), { ...xWindow(), label: x }, { ...yc, label: m.name }, drawRight, curvePoints, p => `${title(runs[p.run])}: ${value(p.y)} at step ${p.step}`);
  const noisy = runs.some(r => r.curves[state.metric]?.m);
  $("tool-smooth").hidden = !noisy;
  $("left-note").textContent = m.reading;
  $("right-note").textContent = noisy && state.smooth ? data.smoothing : "";
  key(); scale();
}
function key() {
  const list = $("key"), items = [], some = f => runs.filter(r => visible(r) && f(r)).length;
  if (data.lr && state.metric === 0) items.push(["diamond", "recommended"]);
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
addEventListener("beforeprint", () => { state.print = true; build(); });
addEventListener("afterprint", () => { state.print = false; build(); });
new ResizeObserver(() => { for (const [u, box] of [[left, $("left")], [right, $("right")]]) if (u && box.clientWidth && box.clientWidth !== u.width) u.setSize({ width: box.clientWidth, height: box.clientHeight }); }).observe(document.querySelector(".pair"));
if (data.metrics.length) { logDefault(); build(); }
document.documentElement.dataset.ready = "yes";
})();
