/* The charts of a diagnosis: each run's curve with its segments by regime, the noise about them, the value expected after
   as many steps again, and where plateau rules would have cut. Axes, zoom and hints are those of charts.js. */
(() => {
"use strict";
const { value, ink, chart } = charts;
const { runs, regimes } = JSON.parse(document.getElementById("data").textContent);
const none = { hover: () => {}, pick: () => {} };
const shown = [];

function show(run, box) {
  const { s: steps, v: values, noisy } = run.curve, { window } = run;
  const first = steps[0], last = steps[steps.length - 1], wide = Math.max(last - first, 1);
  const margin = last + .04 * wide, edge = last + (run.expected ? .08 : .02) * wide;
  const middle = s => (s.start + s.stop) / 2, at = (s, x) => s.level + s.slope * (x - middle(s));
  const words = p => p.rule ? `${p.rule} first cuts at step ${p.x}: ${p.words}` : `step ${p.x}: ${value(p.y)}${p.state ? `, ${p.state}` : ""}`;
  const log = () => window.log && window.lowest > 0;
  const cutTop = i => 10 + 17 * i;

  function* points(u) {
    for (let i = 0, k = 0; i < steps.length; i++) {
      if (values[i] === null || (log() && values[i] <= 0)) continue;
      while (k < run.segments.length - 1 && steps[i] > run.segments[k].stop) k++;
      yield { run: 0, x: steps[i], y: values[i], state: run.segments[k] ? regimes[run.segments[k].regime].name : "" };
    }
    for (let i = 0; i < run.cuts.length; i++) { const c = run.cuts[i]; yield { run: 0, x: c.at, y: u.posToVal(cutTop(i), "y"), rule: c.rule, words: c.words }; }
  }
  function draw(u, ctx, dpr) {
    const c = ink(), { top, height } = u.bbox, X = v => u.valToPos(v, "x", true);
    const Y = v => log() && v <= 0 ? top + 2 * height : Math.max(-1e5, Math.min(1e5, u.valToPos(v, "y", true)));
    for (const s of run.segments) {
      ctx.fillStyle = regimes[s.regime].colour;
      ctx.globalAlpha = .11; ctx.fillRect(X(s.start), top, X(s.stop) - X(s.start), height);
      if (run.noise) {
        ctx.globalAlpha = .18; ctx.beginPath();
        [[s.start, 1], [s.stop, 1], [s.stop, -1], [s.start, -1]].forEach(([x, sign], i) => { const y = Y(at(s, x) + sign * run.noise); i ? ctx.lineTo(X(x), y) : ctx.moveTo(X(x), y); });
        ctx.fill();
      }
    }
    ctx.globalAlpha = noisy ? .4 : .9; ctx.strokeStyle = ctx.fillStyle = c.ink; ctx.lineWidth = (noisy ? .7 : 1.5) * dpr; ctx.beginPath();
    let pen = false;
    steps.forEach((x, i) => {
      const v = values[i];
      if (v === null || (log() && v <= 0)) { pen = false; return; }
      pen ? ctx.lineTo(X(x), Y(v)) : ctx.moveTo(X(x), Y(v)); pen = true;
    });
    ctx.stroke();
    ctx.globalAlpha = 1; ctx.lineWidth = 3 * dpr;
    for (const s of run.segments) { ctx.strokeStyle = regimes[s.regime].colour; ctx.beginPath(); ctx.moveTo(X(s.start), Y(at(s, s.start))); ctx.lineTo(X(s.stop), Y(at(s, s.stop))); ctx.stroke(); }
    if (run.expected && run.expected.value !== null) {
      // What lies outside the picture stands at its edge.
      const inside = v => Math.max(top + 6 * dpr, Math.min(top + height - 6 * dpr, Y(v)));
      const x = X(margin), y = inside(run.expected.value), { low: a, high: b } = run.expected;
      ctx.strokeStyle = ctx.fillStyle = c.ink; ctx.lineWidth = 2 * dpr;
      if (a !== null && b !== null) { ctx.beginPath(); ctx.moveTo(x, inside(a)); ctx.lineTo(x, inside(b)); ctx.stroke(); }
      ctx.beginPath(); [[0, -5], [5, 0], [0, 5], [-5, 0]].forEach(([p, q], i) => i ? ctx.lineTo(x + p * dpr, y + q * dpr) : ctx.moveTo(x + p * dpr, y + q * dpr)); ctx.fill();
    }
    ctx.font = `${11 * dpr}px system-ui, sans-serif`; ctx.textBaseline = "middle";
    run.cuts.forEach((cut, i) => {
      const x = X(cut.at), y = top + cutTop(i) * dpr;
      ctx.fillStyle = cut.colour;
      ctx.beginPath(); ctx.moveTo(x - 5 * dpr, y - 4 * dpr); ctx.lineTo(x + 5 * dpr, y - 4 * dpr); ctx.lineTo(x, y + 5 * dpr); ctx.fill();
      const left = x > u.bbox.left + .6 * u.bbox.width;
      ctx.textAlign = left ? "right" : "left"; ctx.fillStyle = c.soft;
      ctx.fillText(`${cut.rule}: ${cut.words}`, x + (left ? -9 : 9) * dpr, y);
    });
  }
  return chart(box, { low: first - .01 * wide, high: edge, log: false, label: "step" }, { low: log() ? window.lowest : window.low, high: window.high, log: log(), label: run.metric }, draw, points, words, none);
}

function build() {
  shown.splice(0).forEach(u => u && u.destroy());
  document.querySelectorAll(".plot").forEach(box => { const run = runs[+box.dataset.run]; shown.push(run.curve.s.length ? show(run, box) : null); });
}
document.querySelectorAll("[data-key]").forEach(list => {
  const run = runs[+list.dataset.key], item = textContent => Object.assign(document.createElement("li"), { textContent });
  for (const { name, colour } of [...new Set(run.segments.map(s => s.regime))].map(regime => regimes[regime])) {
    const key = item(name);
    key.className = "state"; key.style.setProperty("--dot", colour);
    list.append(key);
  }
  if (run.expected) list.append(item("◆ expected after as many steps again at this pace (at the edge: outside the chart)"));
});
document.querySelectorAll(".tools").forEach(form => {
  const run = runs[+form.dataset.tools], tick = form.querySelector("[data-log]");
  form.hidden = !(run.window.lowest > 0) || run.curve.s.length === 0; tick.checked = run.window.log;
  form.addEventListener("submit", e => e.preventDefault());
  tick.addEventListener("change", () => { run.window.log = tick.checked; build(); });
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", build);
addEventListener("beforeprint", () => { charts.print = true; build(); });
addEventListener("afterprint", () => { charts.print = false; build(); });
new ResizeObserver(() => shown.forEach(u => { if (u) { const box = u.root.parentElement; if (box.clientWidth && box.clientWidth !== u.width) u.setSize({ width: box.clientWidth, height: box.clientHeight }); } })).observe(document.querySelector("main"));
build();
document.documentElement.dataset.ready = "yes";
})();
