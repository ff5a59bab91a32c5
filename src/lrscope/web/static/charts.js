/* What the pictures of all reports share: numbers, colours, and a uPlot chart on which marks and lines are drawn by
   hand. No text reaches the page as markup. */
"use strict";
const charts = (() => {
const own = {};
/* numbers, as views/shared/numbers.py writes them */
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
const dark = () => !own.print && matchMedia("(prefers-color-scheme: dark)").matches;
const shade = t => {
  t = (dark() ? .2 + .8 * t : .88 * t) * (VIRIDIS.length - 1);
  const i = Math.min(Math.floor(t), VIRIDIS.length - 2), f = t - i;
  return `rgb(${VIRIDIS[i].map((c, k) => Math.round(c + f * (VIRIDIS[i + 1][k] - c))).join(",")})`;
};
const LIGHT = { ink: "#1d2530", soft: "#5d6876", grid: "#eceef1", line: "#c9ced5", accent: "#c2410c", band: "rgba(234,138,66,.24)", done: "#2b5b84", gone: "#a32638", card: "#ffffff", cliff: "rgba(163,38,56,.09)" };
const DARK = { ink: "#e6eaef", soft: "#9aa6b4", grid: "#262d36", line: "#3a444f", accent: "#ff9152", band: "rgba(255,145,82,.2)", done: "#8fc1ec", gone: "#ff7a8a", card: "#1a2027", cliff: "rgba(255,122,138,.1)" };
const ink = () => dark() ? DARK : LIGHT;

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
function chart(box, x, y, draw, candidates, words, on) {
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
      on.hover(found ? found.run : null);
    }],
  }), [[x.low, x.high], [y.low, y.high]], box);
  u.over.append(tip);
  u.over.addEventListener("mousedown", e => { down = [e.clientX, e.clientY]; });
  u.over.addEventListener("click", e => {
    if (down && Math.hypot(e.clientX - down[0], e.clientY - down[1]) > 4) return;
    const found = nearest(u, candidates(u));
    on.pick(found ? found.run : null);
  });
  u.over.addEventListener("mouseleave", () => { tip.hidden = true; on.hover(null); });
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
return Object.assign(own, { print: false, rate, value, dark, shade, ink, chart });
})();
