"use strict";
/* Where things are: the same as layout.py, from the same numbers. Pure; `node` can run it. */

function readModel(drawing) {
  const boxes = [];
  for (const [parent, kind, layer, tail, label, columns, modules] of drawing.boxes) {
    const around = boxes[parent];
    const base = around ? around.name : "";
    const name = kind === "drawer" || !tail ? base : base ? base + "." + tail : tail;
    const shown = label || tail;
    boxes.push({
      number: boxes.length, parent, kind, layer, name, label: shown,
      columns: columns || shown.length, modules: modules || 1, children: [],
    });
    if (around) around.children.push(boxes.length - 1);
  }
  const imports = [];
  for (const [importer, ...targets] of drawing.imports) {
    for (const imported of targets) imports.push([importer, imported]);
  }
  const leaves = new Map();
  for (const box of boxes) if (!box.children.length) leaves.set(box.name, box.number);
  return { ...drawing, boxes, imports, leaves };
}

function pathOf(model, number) {
  const found = [number];
  while (found[found.length - 1]) found.push(model.boxes[found[found.length - 1]].parent);
  return found;
}

function layOut(model, opened) {
  const G = model.geometry;
  const sizes = new Map(), inner = new Map(), places = new Map(), bands = [], lines = new Map(), walls = new Map();
  const gaps = (n) => n ? [G.innerGap, G.innerLine, G.innerRow] : [G.gap, G.line, G.row];
  const length = (line, gap) =>
    line.reduce((sum, n) => sum + sizes.get(n)[0], 0) + gap * (line.length - 1);
  const tallest = (line) => line.reduce((most, n) => Math.max(most, sizes.get(n)[1]), 0);

  function wrapped(number) {
    const gap = gaps(number)[0];
    const area = model.boxes[number].children.reduce(
      (sum, n) => sum + (sizes.get(n)[0] + gap) * (sizes.get(n)[1] + gap), 0);
    const limit = Math.max(number ? G.innerWrap : G.wrap, Math.sqrt(area) * 1.5);
    return (model.rows[number] || []).map((row) => {
      const even = length(row, gap) / Math.ceil(length(row, gap) / limit);
      const found = [[]];
      for (const n of row) {
        const last = found[found.length - 1];
        const room = Math.max(even + sizes.get(n)[0] / 2, sizes.get(n)[0]);
        if (last.length && length([...last, n], gap) > room) found.push([n]);
        else last.push(n);
      }
      return found;
    });
  }

  function measure(number) {
    const box = model.boxes[number];
    let width = Math.max(G.least, box.columns * G.column + 2 * G.side);
    if (box.children.length) width = Math.max(width, G.counted);
    if (!opened.has(number)) {
      sizes.set(number, [width, box.children.length ? G.package : G.module]);
      return;
    }
    box.children.forEach(measure);
    const rows = wrapped(number), [gap, line, row] = gaps(number);
    inner.set(number, rows);
    let wide = 0, high = rows.length ? -row : 0;
    for (const each of rows) {
      for (const one of each) {
        wide = Math.max(wide, length(one, gap));
        high += tallest(one) + line;
      }
      high += row - line;
    }
    if (number) {
      wide = Math.max(wide + 2 * G.pad, width + 4 * G.column);
      high += G.head + G.pad;
    } else wide = Math.max(wide, G.wide);
    sizes.set(number, [wide, high]);
  }

  function put(number, x, y) {
    const [width, height] = sizes.get(number), open = opened.has(number);
    if (number) places.set(number, { box: number, x, y, width, height, open, middle: x + width / 2, bottom: y + height });
    if (!open) return;
    const [gap, between, betweenRows] = gaps(number);
    let top = y + (number ? G.head : 0);
    lines.set(number, []);
    walls.set(number, [x + G.clear, x + width - G.clear]);
    inner.get(number).forEach((row, at) => {
      const start = top;
      for (const line of row) {
        lines.get(number).push(line);
        const high = tallest(line);
        const apart = number ? gap : gap + Math.min(G.spread, (width - length(line, gap)) / (line.length + 1));
        let left = x + (width - length(line, apart)) / 2;
        for (const child of line) {
          const size = sizes.get(child);
          put(child, left, top + (high - size[1]) / 2);
          left += size[0] + apart;
        }
        top += high + between;
      }
      if (!number) bands.push({ name: model.names[at], y: start - G.band, height: top - between - start + 2 * G.band });
      top += betweenRows - between;
    });
  }

  measure(0);
  put(0, model.left, G.margin + G.band);
  const [width, height] = sizes.get(0);
  const seen = [];
  for (const box of model.boxes) {
    seen.push(places.has(box.number) || !box.number ? box.number : seen[box.parent]);
  }
  const { bundles, inside } = bundle(model, seen);
  const ways = findWays(model, { places, lines, walls }, bundles);
  bundles.forEach((each, at) => {
    each.way = ways[at];
    const importer = model.boxes[each.importer], imported = model.boxes[each.imported];
    each.circular = importer.layer === imported.layer &&
      importer.kind !== "outside" && imported.kind !== "outside" &&
      places.get(each.importer).y >= places.get(each.imported).bottom;
  });
  bundles.sort((a, b) => (a.broken.length > 0) - (b.broken.length > 0) || a.up - b.up);
  return {
    width: width + model.left + G.margin, height: height + 2 * (G.margin + G.band),
    places, bands, bundles, inside, seen,
  };
}

function bundle(model, seen) {
  const found = new Map(), inside = new Map();
  for (const [importer, imported] of model.imports) {
    const a = seen[importer], b = seen[imported];
    if (a === b) continue;
    const key = a * model.boxes.length + b;
    let each = found.get(key);
    if (!each) found.set(key, each = { importer: a, imported: b, count: 0, broken: [], up: false, key });
    each.count += 1;
    const low = model.boxes[importer].layer, high = model.boxes[imported].layer;
    each.up = each.up || (low > high && high >= 0);
  }
  model.violations.forEach(([importer, imported], index) => {
    const a = seen[importer], b = seen[imported];
    const each = found.get(a * model.boxes.length + b);
    if (each) each.broken.push(index);
    else inside.set(a || b, [...(inside.get(a || b) || []), index]);
  });
  const bundles = [...found.values()].sort((a, b) => a.key - b.key);
  return { bundles, inside };
}

function findPorts(places, bundles) {
  const sides = new Map();
  const side = (box, below, end) => {
    const key = box + (below ? "b" : "t");
    if (!sides.has(key)) sides.set(key, { box, below, ends: [] });
    sides.get(key).ends.push(end);
  };
  const ports = bundles.map(() => []);
  bundles.forEach((each, at) => {
    const importer = places.get(each.importer), imported = places.get(each.imported);
    side(each.importer, importer.y <= imported.bottom, [imported.middle, at, 0]);
    side(each.imported, importer.bottom >= imported.y, [importer.middle, at, 1]);
  });
  for (const { box, below, ends } of sides.values()) {
    const place = places.get(box);
    ends.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
    ends.forEach(([, at, end], index) => {
      const x = place.x + place.width * (index + 1) / (ends.length + 1);
      ports[at][end] = [x, below ? place.bottom : place.y];
    });
  }
  return ports;
}

function findWays(model, { places, lines, walls }, bundles) {
  const ports = findPorts(places, bundles), lineAt = new Map();
  for (const each of lines.values()) each.forEach((line, at) => line.forEach((n) => lineAt.set(n, at)));
  const passed = bundles.map((each, index) => {
    const [start, end] = ports[index], a = places.get(each.importer), b = places.get(each.imported);
    if (a.y <= b.bottom && b.y <= a.bottom) return [];
    return passedLines(model, lines, lineAt, each, start[1] < end[1]);
  });
  const lanes = findLanes(model.geometry, passed, ports);
  return bundles.map((each, index) => {
    const [start, end] = ports[index], way = [start];
    for (const line of passed[index]) {
      const wall = walls.get(model.boxes[line[0]].parent);
      way.push(...passLine(model.geometry, start, end, line.map((n) => places.get(n)), wall, lanes[index]));
    }
    way.push(end);
    return way;
  });
}

function findLanes(G, passed, ports) {
  const height = (at) => Math.floor(Math.abs(ports[at][0][1] - ports[at][1][1]) + 0.5);
  const ordered = passed.map((_, at) => at).filter((at) => passed[at].length).sort((a, b) => height(a) - height(b) || a - b);
  const room = Math.min(G.lanes, G.lane * ordered.length), lanes = [];
  ordered.forEach((at, rank) => { lanes[at] = room * rank / ordered.length; });
  return lanes;
}

function passedLines(model, lines, lineAt, each, down) {
  const out = pathOf(model, each.importer), into = pathOf(model, each.imported);
  let shared = 1;
  while (out[out.length - shared - 1] === into[into.length - shared - 1]) shared += 1;
  const found = [], around = (box) => lines.get(model.boxes[box].parent);
  for (const box of out.slice(0, out.length - shared - 1)) {
    found.push(...(down ? around(box).slice(lineAt.get(box) + 1) : around(box).slice(0, lineAt.get(box)).reverse()));
  }
  const first = lineAt.get(out[out.length - shared - 1]), last = lineAt.get(into[into.length - shared - 1]);
  const between = lines.get(out[out.length - shared]);
  for (let at = first + (down ? 1 : -1); down ? at < last : at > last; at += down ? 1 : -1) found.push(between[at]);
  for (const box of into.slice(0, into.length - shared - 1).reverse()) {
    found.push(...(down ? around(box).slice(0, lineAt.get(box)) : around(box).slice(lineAt.get(box) + 1).reverse()));
  }
  return found;
}

function passLine(G, start, end, line, walls, lane) {
  const top = Math.min(...line.map((place) => place.y)), bottom = Math.max(...line.map((place) => place.bottom));
  const wished = start[0] + (end[0] - start[0]) * (((top + bottom) / 2 - start[1]) / (end[1] - start[1]));
  let x = wished, best = Infinity;
  for (let at = 0; at <= line.length; at += 1) {
    const left = at ? line[at - 1].x + line[at - 1].width + G.clear : walls[0];
    const right = at < line.length ? line[at].x - G.clear : walls[1];
    const off = Math.min(lane, Math.max(0, right - left) * G.inGap);
    const low = at ? Math.min(left + off, right) : left;
    const high = Math.max(at < line.length ? right - off : right, low);
    const near = Math.min(Math.max(wished, low), high);
    if (Math.abs(near - wished) < best) { x = near; best = Math.abs(near - wished); }
  }
  const [near, far] = start[1] < end[1] ? [top - G.clear, bottom + G.clear] : [bottom + G.clear, top - G.clear];
  return [[x, near], [x, far]];
}

const n1 = (number) => String(Math.round(number * 10) / 10);

function pathData(way) {
  let [x, y] = way[0];
  const end = way[way.length - 1];
  if (way.length === 2 && Math.abs(end[1] - y) < 16) {
    const low = Math.max(y, end[1]) + Math.min(26, 14 + Math.abs(end[0] - x) / 40);
    return `M${n1(x)} ${n1(y)}C${n1(x)} ${n1(low)} ${n1(end[0])} ${n1(low)} ${n1(end[0])} ${n1(end[1])}`;
  }
  let data = `M${n1(x)} ${n1(y)}`;
  for (const to of way.slice(1)) {
    const half = n1((y + to[1]) / 2);
    data += to[0] === x ? `V${n1(to[1])}` : `C${n1(x)} ${half} ${n1(to[0])} ${half} ${n1(to[0])} ${n1(to[1])}`;
    [x, y] = to;
  }
  return data;
}

function spots(way) {
  const long = ([a, b]) => Math.abs(a[0] - b[0]) + Math.abs(a[1] - b[1]);
  const parts = way.slice(1).map((to, at) => [way[at], to]).sort((a, b) => long(b) - long(a));
  if (way.length === 2 && Math.abs(way[0][1] - way[1][1]) < 16) {
    return [[(way[0][0] + way[1][0]) / 2, (way[0][1] + way[1][1]) / 2 + 17]];
  }
  return parts.flatMap(([a, b]) => [[0.5, 0.5], [0.216, 0.342], [0.784, 0.658]].map(
    ([across, down]) => [a[0] + (b[0] - a[0]) * across, a[1] + (b[1] - a[1]) * down]));
}

const numbers = (indexes) =>
  indexes.slice(0, 2).map((index) => index + 1).join(", ") + (indexes.length > 2 ? ` +${indexes.length - 2}` : "");

function badgeSpots(bundles) {
  const taken = [];
  return bundles.map((each) => {
    const half = Math.floor(numbers(each.broken).length * 7 / 2) + 6, all = spots(each.way);
    const free = ([x, y]) => taken.every(([a, b, other]) => Math.abs(x - a) > half + other || Math.abs(y - b) > 17);
    const [x, y] = all.find(free) || all[0];
    taken.push([x, y, half]);
    return [x, y];
  });
}

function search(model, query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return [];
  return model.boxes.filter((box) => {
    if (box.children.length || !box.number) return false;
    const name = box.name.toLowerCase();
    return words.every((word) => name.includes(word));
  }).map((box) => box.number);
}

/* What is seen and done: the page around the pure part. */

function start(model) {
  const DRAWN = 600, LISTED = 200, NUMBERED = 40, SVG = "http://www.w3.org/2000/svg";
  const at = (id) => document.getElementById(id);
  const picture = at("picture"), scene = at("scene"), status = at("status");
  const moving = matchMedia("(prefers-reduced-motion: no-preference)");
  const opened = new Set(model.opened);
  const view = { x: 0, y: 0, scale: 1 };
  let layout = null, chosen = null, hits = [], boxAt = new Map(), bundleAt = new Map(), extra = null;

  const counted = (count, what) => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
  const say = (text) => { status.textContent = text; };
  const nameOf = (box) => box.kind === "drawer" ? `${box.name ? box.name + ": " : ""}${box.label}` : box.name || box.label;

  function element(tag, attributes, ...content) {
    const made = SVG_TAGS.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
    made.append(...content);
    return made;
  }

  /* Drawing */

  function draw() {
    layout = layOut(model, opened);
    boxAt = new Map(); bundleAt = new Map();
    const parts = layout.bands.map((band) => element("g", { class: "band" },
      element("rect", { x: 0, y: band.y, width: layout.width, height: band.height }),
      element("text", { x: 16, y: band.y + band.height / 2 + 4 }, band.name)));
    for (const place of layout.places.values()) {
      if (place.open) parts.push(element("rect", { class: "frame", ...rectangle(place) }));
    }
    const quiet = layout.bundles.filter((each) => !each.broken.length);
    const drawn = new Set([...quiet].sort((a, b) => b.up - a.up || b.count - a.count).slice(0, DRAWN));
    const edges = element("g", { class: quiet.length > model.dense ? "dense" : "edges", "aria-hidden": "true" });
    for (const each of quiet) if (drawn.has(each)) edges.append(drawBundle(each));
    extra = element("g", { "aria-hidden": "true" });
    const broken = layout.bundles.filter((each) => each.broken.length), on = badgeSpots(broken);
    const loud = element("g", { "aria-hidden": "true" }, ...broken.map(drawBundle),
      ...broken.map((each, index) => badge(each.broken, ...on[index])));
    const boxes = element("g", {});
    for (const place of layout.places.values()) boxes.append(drawBox(place));
    scene.replaceChildren(...parts, edges, extra, boxes, loud);
    if (quiet.length > DRAWN) {
      say(`The ${DRAWN} heaviest of ${counted(quiet.length, "bundle")} are drawn; choose a box to see all of its own.`);
    }
  }

  const rectangle = (place) => ({ x: n1(place.x), y: n1(place.y), width: n1(place.width), height: n1(place.height), rx: 6 });

  function drawBox(place) {
    const box = model.boxes[place.box], broken = layout.inside.get(box.number) || [];
    const said = [nameOf(box)];
    if (box.children.length) said.push(counted(box.modules, "module"));
    if (broken.length) said.push(counted(broken.length, "violation") + " inside");
    const group = element("g", {
      class: `box ${place.open ? "open" : box.kind}`, tabindex: 0, role: "button", "aria-label": said.join(", "),
    }, element("title", {}, said.join("\n")));
    if (box.children.length) group.setAttribute("aria-expanded", String(place.open));
    if (place.open) {
      group.append(
        element("rect", { class: "face", "pointer-events": "all", ...rectangle({ ...place, height: 26 }) }),
        element("text", { x: n1(place.x + 12), y: n1(place.y + 19) }, element("tspan", { class: "sign" }, "− "), box.label));
    } else {
      const middle = place.y + place.height / 2;
      group.append(
        element("rect", { class: "face", ...rectangle(place) }),
        element("text", { "text-anchor": "middle", x: n1(place.middle), y: n1(middle + (box.children.length ? -2 : 4)) }, box.label));
      if (box.children.length) {
        group.append(element("text", { class: "count", "text-anchor": "middle", x: n1(place.middle), y: n1(middle + 13) },
          element("tspan", { class: "sign" }, "+ "), counted(box.modules, "module")));
      }
    }
    if (broken.length) group.append(badge(broken, place.x + place.width, place.y));
    group.addEventListener("focus", () => { if (group.matches(":focus-visible")) { choose({ box: box.number }); bringIn(place); } });
    group.addEventListener("click", (event) => {
      if (event.target.classList.contains("sign")) toggle(box.number);
      else choose({ box: box.number });
    });
    group.addEventListener("dblclick", () => toggle(box.number));
    boxAt.set(box.number, group);
    return group;
  }

  function drawBundle(each) {
    const kind = each.broken.length ? "broken" : each.up ? "up" : each.circular ? "circular" : "";
    const red = each.broken.length || each.up ? "red" : "";
    const bits = 31 - Math.clz32(each.broken.length * 4 || each.count);
    const data = pathData(each.way), [x, y] = each.way[each.way.length - 1], before = each.way[each.way.length - 2];
    const back = y < before[1] || Math.abs(y - before[1]) < 16 ? 6 : -6;
    const said = `${nameOf(model.boxes[each.importer])} → ${nameOf(model.boxes[each.imported])}: ${counted(each.count, "import")}`;
    const group = element("g", { class: `bundle ${red}` },
      element("title", {}, [said, ...each.broken.map((index) => `${index + 1}. ${model.violations[index][5]}`)].join("\n")),
      element("path", { class: "reach", d: data }),
      element("path", { class: `edge ${kind}`, d: data, "stroke-width": n1(1 + 0.6 * Math.min(5, bits)) }),
      element("polygon", { class: `tip ${red || kind}`, points: `${n1(x)},${n1(y)} ${n1(x - 3)},${n1(y + back)} ${n1(x + 3)},${n1(y + back)}` }));
    group.addEventListener("click", () => choose({ bundle: each.key }));
    bundleAt.set(each.key, group);
    return group;
  }

  function badge(indexes, x, y) {
    const text = numbers(indexes), width = 7 * text.length + 10;
    return element("g", { class: "badge", "aria-hidden": "true", "pointer-events": "none" },
      element("rect", { x: n1(x - width / 2), y: n1(y - 8), width, height: 16, rx: 8 }),
      element("text", { "text-anchor": "middle", x: n1(x), y: n1(y + 4) }, text));
  }

  /* Choosing */

  function choose(what) {
    chosen = what;
    mark();
    tell();
  }

  function mark() {
    extra.replaceChildren();
    for (const [key, group] of bundleAt) if (!group.parentNode || group.parentNode === extra) bundleAt.delete(key);
    const near = new Set();
    // What is open shows its own; nothing is dimmed for it.
    const one = chosen && (chosen.bundle !== undefined || !opened.has(chosen.box));
    const isLit = (each) => one && (chosen.bundle === each.key || chosen.box === each.importer || chosen.box === each.imported);
    const few = layout.bundles.filter(isLit).length <= NUMBERED;
    for (const each of layout.bundles) {
      const lit = isLit(each);
      if (lit) near.add(each.importer).add(each.imported);
      if (lit && !bundleAt.has(each.key)) extra.append(drawBundle(each));
      const group = bundleAt.get(each.key);
      if (!group) continue;
      group.classList.toggle("lit", Boolean(lit));
      group.classList.toggle("held", Boolean(chosen && chosen.bundle === each.key));
      group.classList.toggle("far", Boolean((one || hits.length) && !lit));
      if (lit && few && each.count > 1 && !each.broken.length) {
        const [x, y] = spots(each.way)[0];
        extra.append(element("text", { class: "number", "text-anchor": "middle", x: n1(x), y: n1(y + 4) }, each.count.toLocaleString("en")));
      }
    }
    const found = new Set(hits.map((leaf) => layout.seen[leaf]));
    for (const [number, group] of boxAt) {
      const open = layout.places.get(number).open;
      group.classList.toggle("chosen", Boolean(chosen && chosen.box === number));
      group.classList.toggle("hit", found.has(number));
      group.classList.toggle("far", !open && (one ? chosen.box !== number && !near.has(number) : hits.length > 0 && !found.has(number)));
    }
  }

  function toggle(number) {
    if (!model.boxes[number].children.length) return;
    const before = layout.places.get(number);
    if (opened.has(number)) opened.delete(number);
    else opened.add(number);
    const was = { x: before.x, y: before.y };
    draw();
    chosen = { box: number };
    mark();
    tell();
    // What was opened stays where it was on the screen.
    const now = layout.places.get(number);
    view.x += (was.x - now.x) * view.scale;
    view.y += (was.y - now.y) * view.scale;
    apply();
    boxAt.get(number).focus({ preventScroll: true });
    const box = model.boxes[number];
    say(`${nameOf(box)} is ${opened.has(number) ? `open: ${counted(box.children.length, "box").replace("boxs", "boxes")}` : "closed"}.`);
  }

  function open(numbers) {
    const missing = numbers.filter((number) => !opened.has(number));
    if (!missing.length) return;
    missing.forEach((number) => opened.add(number));
    draw();
  }

  function reveal(number) {
    open(pathOf(model, number).slice(1));
    choose({ box: number });
    bringAll([number]);
  }

  function showViolation(index) {
    const [importer, imported, from, to, contract] = model.violations[index];
    const a = pathOf(model, importer), around = new Set(pathOf(model, imported));
    const common = importer && imported && importer !== imported;
    open(common ? a.slice(a.findIndex((number) => around.has(number))) : pathOf(model, importer || imported).slice(1));
    const ends = [layout.seen[importer], layout.seen[imported]];
    const each = layout.bundles.find((one) => one.importer === ends[0] && one.imported === ends[1]);
    choose(each ? { bundle: each.key, violation: index } : { box: ends[0] || ends[1], violation: index });
    bringAll(ends.filter(Boolean));
    say(`${index + 1}. ${from} → ${to}, against ${contract}`);
  }

  /* The pane */

  function tell() {
    const pane = at("details");
    pane.hidden = !chosen;
    if (!chosen) return;
    const parts = chosen.bundle === undefined ? aboutBox(model.boxes[chosen.box]) : aboutBundle();
    pane.replaceChildren(...parts);
  }

  function aboutBox(box) {
    const own = new Set();
    const collect = (number) => {
      const children = model.boxes[number].children;
      if (children.length) children.forEach(collect); else own.add(number);
    };
    collect(box.number);
    const out = new Set(), into = new Set();
    for (const [importer, imported] of model.imports) {
      if (own.has(importer) && !own.has(imported)) out.add(imported);
      if (own.has(imported) && !own.has(importer)) into.add(importer);
    }
    const broken = model.violations.map((_, index) => index)
      .filter((index) => own.has(model.violations[index][0]) || own.has(model.violations[index][1]));
    const parts = [element("h2", {}, nameOf(box))];
    if (box.children.length) {
      const button = element("button", { type: "button" }, opened.has(box.number) ? "Close" : "Open");
      button.addEventListener("click", () => toggle(box.number));
      parts.push(element("p", {}, counted(box.modules, "module") + " "), button);
    } else parts.push(element("p", {}, box.kind === "outside" ? "Outside the project" : box.label === "__init__" ? "The package's own module" : "Module"));
    if (broken.length) parts.push(element("h3", {}, counted(broken.length, "violation")), violationList(broken, true));
    parts.push(element("h3", {}, `Imports ${counted(out.size, "module")}`), moduleList([...out]));
    parts.push(element("h3", {}, `Imported by ${counted(into.size, "module")}`), moduleList([...into]));
    return parts;
  }

  function aboutBundle() {
    const each = layout.bundles.find((one) => one.key === chosen.bundle);
    const pairs = model.imports.filter(([a, b]) => layout.seen[a] === each.importer && layout.seen[b] === each.imported);
    const parts = [element("h2", {}, `${nameOf(model.boxes[each.importer])} → ${nameOf(model.boxes[each.imported])}`)];
    if (each.broken.length) parts.push(violationList(each.broken, true));
    parts.push(element("h3", {}, counted(each.count, "import")), list(pairs, ([a, b]) =>
      link(`${model.boxes[a].name} → ${model.boxes[b].name}`, () => reveal(a))));
    return parts;
  }

  const byName = (a, b) => model.boxes[a].name < model.boxes[b].name ? -1 : 1;
  const moduleList = (numbers) => list(numbers.sort(byName), (number) => link(model.boxes[number].name, () => reveal(number)));

  function link(text, act) {
    const button = element("button", { type: "button", class: "go" });
    // A long name may go on in the next line after a dot.
    text.split(/(?<=[._])/).forEach((part) => button.append(part, element("wbr")));
    button.addEventListener("click", act);
    return button;
  }

  function list(items, made, kind = "ul", shown = LISTED) {
    const found = element(kind, {}, ...items.slice(0, shown).map((item) => element("li", {}, made(item))));
    if (items.length > shown) {
      const more = link(`and ${(items.length - shown).toLocaleString("en")} more`, () =>
        found.replaceWith(list(items, made, kind, items.length)));
      found.append(element("li", {}, more));
    }
    return found;
  }

  function violationList(indexes, chains) {
    const found = list(indexes, (index) => {
      const [, , from, to, contract, message, chain] = model.violations[index];
      const item = element("div", {},
        link(`${index + 1}. ${from}${to ? " → " + to : ""}`, () => showViolation(index)),
        element("p", {}, message), element("p", { class: "soft" }, contract));
      if (chains && chain.length > 2) {
        const steps = chain.map((name, step) => {
          const known = model.leaves.get(name), text = (step ? "→ " : "") + name;
          return element("li", {}, known === undefined ? text : link(text, () => reveal(known)));
        });
        item.append(element("ol", { class: "chain", "aria-label": "Chain of imports" }, ...steps));
      }
      return item;
    }, "ol");
    found.classList.add("broken");
    return found;
  }

  function tellViolations() {
    const all = model.violations.map((_, index) => index);
    at("violations").replaceChildren(element("h2", {}, all.length ? counted(all.length, "violation") : "No violation"), ...(all.length ? [violationList(all, false)] : []));
  }

  function find() {
    const query = at("query").value;
    hits = search(model, query);
    const pane = at("results");
    pane.hidden = !query.trim();
    if (!pane.hidden) {
      const boxes = new Set(hits.map((leaf) => layout.seen[leaf])).size;
      const text = hits.length ? `${counted(hits.length, "module")} found, in ${boxes} ${boxes === 1 ? "box" : "boxes"}` : "No module found";
      pane.replaceChildren(element("h2", {}, text), list(hits, (leaf) => link(model.boxes[leaf].name, () => reveal(leaf)), "ul", 50));
      say(text);
    } else say("");
    chosen = null;
    mark();
    tell();
  }

  /* Moving */

  function apply() {
    scene.setAttribute("transform", `translate(${n1(view.x)} ${n1(view.y)}) scale(${view.scale.toFixed(4)})`);
  }

  function move(to) {
    const from = { ...view };
    if (!moving.matches) { Object.assign(view, to); apply(); return; }
    const began = performance.now();
    const step = (now) => {
      const part = Math.min(1, (now - began) / 180), eased = part * (2 - part);
      for (const key of ["x", "y", "scale"]) view[key] = from[key] + (to[key] - from[key]) * eased;
      apply();
      if (part < 1) requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  const limited = (scale) => Math.min(6, Math.max(0.02, scale));

  function zoom(factor, x = picture.clientWidth / 2, y = picture.clientHeight / 2) {
    const scale = limited(view.scale * factor), by = scale / view.scale;
    Object.assign(view, { x: x - (x - view.x) * by, y: y - (y - view.y) * by, scale });
    apply();
  }

  function fitted(left, top, width, height, most) {
    const wide = picture.clientWidth, high = picture.clientHeight;
    const scale = limited(Math.min(wide / width, high / height, most));
    return { x: (wide - width * scale) / 2 - left * scale, y: (high - height * scale) / 2 - top * scale, scale };
  }

  const whole = () => move(fitted(0, 0, layout.width, layout.height, 1.5));

  function first() {
    const all = fitted(0, 0, layout.width, layout.height, 1.25);
    // Text is to be read at once; a tall picture begins at its top.
    const scale = Math.max(all.scale, Math.min(0.8, picture.clientWidth / layout.width));
    Object.assign(view, scale > all.scale ? { scale, x: (picture.clientWidth - layout.width * scale) / 2, y: 0 } : all);
    apply();
  }

  function bringIn(place) {
    const x = place.x * view.scale + view.x, y = place.y * view.scale + view.y, room = 24;
    const right = x + place.width * view.scale, bottom = y + Math.min(place.height, 60) * view.scale;
    if (x >= 0 && y >= 0 && right <= picture.clientWidth && bottom <= picture.clientHeight) return;
    move({ scale: view.scale,
      x: view.x + (x < 0 ? room - x : right > picture.clientWidth ? picture.clientWidth - room - right : 0),
      y: view.y + (y < 0 ? room - y : bottom > picture.clientHeight ? picture.clientHeight - room - bottom : 0) });
  }

  function bringAll(numbers) {
    const all = numbers.map((number) => layout.places.get(number)).filter(Boolean);
    if (!all.length) return;
    const left = Math.min(...all.map((p) => p.x)) - 60, top = Math.min(...all.map((p) => p.y)) - 60;
    const right = Math.max(...all.map((p) => p.x + p.width)) + 60, bottom = Math.max(...all.map((p) => p.bottom)) + 60;
    move(fitted(left, top, right - left, bottom - top, Math.max(1, Math.min(view.scale, 1.5))));
  }

  function letGo() {
    if (at("query").value) { at("query").value = ""; find(); } else { choose(null); say(""); }
  }

  const STEP = 60;
  const KEYS = {
    "+": () => zoom(1.2), "=": () => zoom(1.2), "-": () => zoom(1 / 1.2), "_": () => zoom(1 / 1.2), "0": whole,
    ArrowLeft: () => { view.x += STEP; apply(); }, ArrowRight: () => { view.x -= STEP; apply(); },
    ArrowUp: () => { view.y += STEP; apply(); }, ArrowDown: () => { view.y -= STEP; apply(); },
  };

  picture.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const box = event.target.closest(".box");
    if ((event.key === "Enter" || event.key === " ") && box) {
      for (const [number, group] of boxAt) if (group === box) { if (event.key === "Enter") toggle(number); else choose({ box: number }); break; }
    } else if (Object.hasOwn(KEYS, event.key)) KEYS[event.key]();
    else return;
    event.preventDefault();
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") letGo(); });
  picture.addEventListener("wheel", (event) => {
    event.preventDefault();
    const area = picture.getBoundingClientRect();
    if (event.shiftKey) { view.x -= event.deltaY || event.deltaX; apply(); return; }
    zoom(Math.exp(-Math.max(-240, Math.min(240, event.deltaY)) / 500), event.clientX - area.left, event.clientY - area.top);
  }, { passive: false });

  let held = null;
  picture.addEventListener("pointerdown", (event) => {
    if (event.button === 0) held = { x: event.clientX, y: event.clientY, far: false };
  });
  picture.addEventListener("pointermove", (event) => {
    if (!held) return;
    const x = event.clientX - held.x, y = event.clientY - held.y;
    if (!held.far && Math.abs(x) + Math.abs(y) < 5) return;
    if (!held.far) { held.far = true; picture.setPointerCapture(event.pointerId); picture.classList.add("held"); }
    view.x += x; view.y += y;
    held.x = event.clientX; held.y = event.clientY;
    apply();
  });
  const drop = () => { held = null; picture.classList.remove("held"); };
  picture.addEventListener("pointerup", drop);
  picture.addEventListener("pointercancel", drop);
  picture.addEventListener("click", (event) => { if (!event.target.closest(".box, .bundle") && chosen) choose(null); });

  at("closer").addEventListener("click", () => zoom(1.25));
  at("farther").addEventListener("click", () => zoom(1 / 1.25));
  at("whole").addEventListener("click", whole);
  at("reset").addEventListener("click", () => {
    opened.clear();
    model.opened.forEach((number) => opened.add(number));
    chosen = null;
    draw(); mark(); tell(); first();
    say("As at the start.");
  });
  at("query").addEventListener("input", find);
  at("find").addEventListener("submit", (event) => { event.preventDefault(); if (hits.length) reveal(hits[0]); });

  picture.removeAttribute("viewBox");
  draw();
  mark();
  tellViolations();
  first();
}

const SVG_TAGS = new Set(["g", "rect", "text", "tspan", "path", "polygon", "title"]);

if (typeof document !== "undefined") {
  start(readModel(JSON.parse(document.getElementById("drawing").textContent)));
}
