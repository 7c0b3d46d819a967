"use strict";
const data = JSON.parse(document.getElementById("data").textContent);

/* Theme: the system's, until the reader says otherwise. */
const root = document.documentElement;
const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
const asked = new URLSearchParams(location.search).get("theme");
if (asked === "dark" || asked === "light") root.dataset.theme = asked;
document.getElementById("theme").addEventListener("click", () => {
  root.dataset.theme = dark() ? "light" : "dark";
  dispatchEvent(new Event("themechange"));
});

/* Sound: one voice at a time. */
let speaking = null;
function speak(audio, mark, progress) {
  if (speaking) { speaking.audio.pause(); speaking.end(); }
  const end = () => { mark.classList.remove("on", "playing"); if (speaking && speaking.audio === audio) speaking = null; };
  speaking = { audio, end };
  mark.classList.add("on", "playing");
  audio.currentTime = 0;
  audio.onended = () => { end(); if (progress) progress(1); };
  audio.ontimeupdate = () => progress && progress(audio.currentTime / (audio.duration || 1));
  audio.play().catch(end);
}
for (const player of document.querySelectorAll(".player")) {
  const bars = [...player.querySelectorAll("rect")];
  const progress = (share) => bars.forEach((bar, i) => { bar.style.opacity = share > 0 && share < 1 && i / bars.length > share ? 0.35 : 1; });
  player.querySelector(".play").addEventListener("click", () => {
    const audio = player.querySelector("audio");
    if (speaking && speaking.audio === audio) { audio.pause(); speaking.end(); progress(1); } else speak(audio, player, progress);
  });
}
const clips = new Map();
for (const button of document.querySelectorAll(".say")) {
  button.addEventListener("click", () => {
    const key = button.dataset.sound;
    if (!clips.has(key)) clips.set(key, new Audio(data.sounds[key]));
    speak(clips.get(key), button);
  });
}

/* The map. */
const canvas = document.getElementById("canvas");
if (canvas) {
  const pen = canvas.getContext("2d");
  const tip = document.getElementById("tip");
  const find = document.getElementById("find");
  const points = data.map.points.map(([x, y, key, char, title, names, group], i) => ({
    x, y, key, char, title, names, group, i, words: [title, ...names].join("\n").toLowerCase(),
  }));
  const atlas = new Image();
  const cell = data.map.cell, columns = data.map.columns;
  let view = { scale: 1, x: 0, y: 0 }, width = 0, height = 0, ratio = 1, over = null, chosen = null, queued = false;
  const lit = (p) => (chosen === null || p.group === chosen) && (!find.value.trim() || p.words.includes(find.value.trim().toLowerCase()));
  const margin = 26;
  const place = (p) => [
    (margin + p.x * (width - 2 * margin)) * view.scale + view.x,
    (margin + p.y * (height - 2 * margin)) * view.scale + view.y,
  ];
  const size = () => Math.min(64, Math.max(9, 0.74 * Math.sqrt((width * height) / points.length)) * Math.pow(view.scale, 0.72));

  function draw() {
    queued = false;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const side = size(), filtered = chosen !== null || find.value.trim();
    const last = [];
    for (const p of points) {
      const on = lit(p);
      if (filtered && on) { last.push(p); continue; }
      paint(p, side, filtered ? 0.09 : 1);
    }
    for (const p of last) paint(p, filtered && last.length < 60 ? side * 1.35 : side, 1);
    if (over) {
      const [x, y] = place(over);
      pen.globalAlpha = 1;
      pen.fillStyle = getComputedStyle(root).getPropertyValue("--wash");
      pen.beginPath(); pen.arc(x, y, side * 1.15, 0, 7); pen.fill();
      paint(over, side * 1.7, 1);
    }
  }
  function paint(p, side, alpha) {
    const [x, y] = place(p);
    if (x < -side || y < -side || x > width + side || y > height + side) return;
    pen.globalAlpha = alpha;
    if (atlas.width && data.map.drawn[p.i] !== "0") {
      pen.drawImage(atlas, (p.i % columns) * cell, Math.floor(p.i / columns) * cell, cell, cell, x - side / 2, y - side / 2, side, side);
    } else if (!data.map.atlas || data.map.drawn[p.i] === "0") {
      pen.font = `${side * 0.85}px sans-serif`; pen.textAlign = "center"; pen.textBaseline = "middle";
      pen.fillStyle = getComputedStyle(root).getPropertyValue("--ink");
      pen.fillText(p.char, x, y);
    }
  }
  const redraw = () => { if (!queued) { queued = true; requestAnimationFrame(draw); } };
  function fit() {
    const box = canvas.getBoundingClientRect();
    ratio = devicePixelRatio || 1; width = box.width; height = box.height;
    canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio);
    redraw();
  }
  function zoom(factor, x, y) {
    const scale = Math.min(24, Math.max(1, view.scale * factor)), real = scale / view.scale;
    view = { scale, x: x - (x - view.x) * real, y: y - (y - view.y) * real };
    hold(); redraw();
  }
  function hold() {
    view.x = Math.min(0, Math.max(width - width * view.scale, view.x));
    view.y = Math.min(0, Math.max(height - height * view.scale, view.y));
    canvas.style.touchAction = view.scale > 1 ? "none" : "pan-y";
  }
  function nearest(x, y) {
    let best = null, closest = Math.max(16, size()) ** 2;
    for (const p of points) {
      const [px, py] = place(p), d = (px - x) ** 2 + (py - y) ** 2;
      if (d < closest && lit(p)) { closest = d; best = p; }
    }
    return best;
  }
  function show(p) {
    if (p === over) return;
    over = p; tip.hidden = !p; redraw();
    if (!p) return;
    tip.replaceChildren();
    for (const [tag, text] of [["b", p.title], ...p.names.filter(Boolean).map((n) => ["span", n]), ["small", data.map.groups[p.group]], ["small", p.key]]) {
      if (text) tip.append(Object.assign(document.createElement(tag), { textContent: text }));
    }
    const [x, y] = place(p), gap = size() + 10;
    tip.style.left = `${Math.min(width - tip.offsetWidth - 8, Math.max(8, x - tip.offsetWidth / 2))}px`;
    tip.style.top = y + gap + tip.offsetHeight > height ? `${y - gap - tip.offsetHeight}px` : `${y + gap}px`;
  }
  const at = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  const fingers = new Map();
  canvas.addEventListener("pointerdown", (event) => { fingers.set(event.pointerId, at(event)); canvas.setPointerCapture(event.pointerId); show(nearest(...at(event))); });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = at(event), before = fingers.get(event.pointerId);
    if (!before) { show(nearest(x, y)); return; }
    if (fingers.size === 1) {
      if (view.scale > 1 && Math.hypot(x - before[0], y - before[1]) > 0) { view.x += x - before[0]; view.y += y - before[1]; canvas.classList.add("held"); show(null); hold(); redraw(); }
    } else {
      const other = [...fingers].find(([id]) => id !== event.pointerId)[1];
      const was = Math.hypot(before[0] - other[0], before[1] - other[1]), now = Math.hypot(x - other[0], y - other[1]);
      zoom(now / Math.max(was, 1), (x + other[0]) / 2, (y + other[1]) / 2); show(null);
    }
    fingers.set(event.pointerId, [x, y]);
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => { fingers.delete(event.pointerId); canvas.classList.remove("held"); });
  canvas.addEventListener("pointerleave", () => show(null));
  canvas.addEventListener("wheel", (event) => {
    /* At its smallest the map lets the page scroll on. */
    if (view.scale === 1 && event.deltaY > 0) return;
    event.preventDefault(); zoom(Math.exp(-event.deltaY * 0.0022), ...at(event)); show(null);
  }, { passive: false });
  canvas.addEventListener("dblclick", (event) => zoom(2, ...at(event)));
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
    if (step && view.scale > 1) { event.preventDefault(); view.x += step[0]; view.y += step[1]; hold(); redraw(); }
    else if (event.key === "+" || event.key === "-") zoom(event.key === "+" ? 1.4 : 1 / 1.4, width / 2, height / 2);
  });
  document.getElementById("home").addEventListener("click", () => { view = { scale: 1, x: 0, y: 0 }; choose(null); find.value = ""; hold(); redraw(); });
  find.addEventListener("input", redraw);
  const buttons = data.map.groups.map((name, index) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: name });
    button.addEventListener("click", () => choose(chosen === index ? null : index));
    button.hidden = !name;
    return button;
  });
  function choose(index) { chosen = index; buttons.forEach((b, i) => b.setAttribute("aria-pressed", String(i === index))); redraw(); }
  document.getElementById("groups").append(...buttons);
  choose(null);
  atlas.onload = redraw;
  if (data.map.atlas) atlas.src = data.map.atlas;
  addEventListener("themechange", redraw);
  new ResizeObserver(fit).observe(canvas);
}
