// Keeps the page live: one stream of events, ages that count on, and values under the pointer. Without it the page is
// complete, and of the moment at which it was loaded.
"use strict";
(() => {
  const SILENT_MS = 3800; // A beat comes every two seconds.
  const STORY_MS = 30000; // A chart has steps of five minutes.
  const RETRY_MS = 3000;
  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  const length = (s) => s < 120 ? `${s} s` : s < 7200 ? `${Math.floor(s / 60)} min`
    : s < 172800 ? `${Math.floor(s / 3600)} h` : `${Math.floor(s / 86400)} days`;

  /* ---- what is live ---- */
  const body = document.body;
  if ("live" in body.dataset) {
    const SHAPES = { warm: "warm", cold: "cold", no_answer: "none", stale: "none", pending: "wait", in_range: "ok" };
    const read = new Map(); // When each value was read, by the browser's clock that never steps.
    let heard = performance.now(), lostSince = null, source = null, story = performance.now();

    const count = (age, at) => {
      age.textContent = `read ${length(Math.max(0, Math.round((performance.now() - at) / 1000)))} ago`;
    };
    const remember = (element, age_s) => {
      const age = $(".age", element);
      if (age_s === null) return read.delete(age);
      read.set(age, performance.now() - age_s * 1000);
      count(age, read.get(age));
    };
    all("[data-id]").forEach((element) => {
      const age = $(".age", element).dataset.age;
      remember(element, age === undefined ? null : Number(age));
    });

    const show = (fridge) => all("[data-id]").filter((it) => it.dataset.id === fridge.id).forEach((element) => {
      element.dataset.icon = SHAPES[fridge.verdict] || "off";
      $("use", element).setAttribute("href", `#i-${element.dataset.icon}`);
      $(".words", element).textContent = fridge.state;
      const value = $(".value", element);
      value.textContent = fridge.shown;
      value.classList.toggle("is-none", fridge.celsius === null);
      $(".age", element).textContent = fridge.note || "";
      remember(element, fridge.age_s);
    });

    // The same value, read again.
    const reread = (ages) => all("[data-id]").forEach((element) => {
      if (Object.hasOwn(ages, element.dataset.id)) remember(element, ages[element.dataset.id]);
    });

    const gateway = (event) => {
      // Another name, limit or unit, or a fridge that is gone: what is shown would be another fridge's.
      const isGone = (element) => !event.order.includes(element.dataset.id);
      if (event.site !== body.dataset.site || all("[data-id]").some(isGone)) return location.reload();
      const list = $("#fridges");
      if (!list) return;
      const cards = new Map(all("li", list).map((card) => [card.dataset.id, card]));
      // Another fridge, or one fewer: the page is another one.
      if (event.order.length !== cards.size || event.order.some((id) => !cards.has(id))) return location.reload();
      const isSame = all("li", list).every((card, index) => card.dataset.id === event.order[index]);
      if (!isSame) {
        const focused = document.activeElement;
        event.order.forEach((id) => list.append(cards.get(id)));
        if (focused && list.contains(focused)) focused.focus();
      }
      const headline = $("#headline");
      if (headline.textContent !== event.headline) headline.textContent = event.headline;
      const alarms = $("#alarms");
      alarms.hidden = event.lines.length === 0;
      if (all("a", alarms).map((it) => it.textContent).join("\n") === event.lines.join("\n")) return;
      $("ul", alarms).replaceChildren(...event.lines.map((line) => {
        const item = document.createElement("li"), link = document.createElement("a");
        link.href = "/alarms";
        link.textContent = line;
        item.append(link);
        return item;
      }));
    };

    const lastHeard = () => new Date(Date.now() - (performance.now() - heard)).toLocaleTimeString([], { hour12: false });
    const hear = () => {
      heard = performance.now();
      if (lostSince !== null || !body.classList.contains("is-live")) {
        lostSince = null;
        body.classList.remove("is-lost");
        body.classList.add("is-live");
        $("#lost").hidden = true;
        $("#live").textContent = "live";
      }
    };
    const lose = () => {
      if (lostSince !== null) return;
      lostSince = lastHeard();
      body.classList.remove("is-live");
      body.classList.add("is-lost");
      $("#live").textContent = "not live";
      $("#lost-since").textContent = `Last update at ${lostSince}.`;
      $("#lost").hidden = false;
    };

    const listen = () => {
      if (source) source.close();
      source = new EventSource("/api/v1/events");
      source.addEventListener("fridge", (event) => { hear(); show(JSON.parse(event.data)); });
      source.addEventListener("read", (event) => { hear(); reread(JSON.parse(event.data)); });
      source.addEventListener("gateway", (event) => { hear(); gateway(JSON.parse(event.data)); });
      source.addEventListener("beat", hear);
      // The browser comes back by itself after a cut, and not after a refusal.
      source.onerror = () => {
        lose();
        if (source.readyState !== EventSource.CLOSED) return;
        // Whoever has to log in again is shown where.
        fetch("/api/v1/openapi.json", { method: "HEAD" }).then((answer) => { if (answer.status === 401) location.reload(); })
          .catch(() => {});
        setTimeout(listen, RETRY_MS);
      };
    };

    const tick = () => {
      const now = performance.now();
      if (now - heard > SILENT_MS) lose();
      // A stream that says nothing is no stream: a network can vanish without a word.
      if (now - heard > 3 * SILENT_MS) { heard = now - SILENT_MS - 1; listen(); }
      read.forEach((at, age) => count(age, at));
      const part = $("#story");
      if (part && lostSince === null && now - story > STORY_MS) {
        story = now;
        fetch(part.dataset.source).then((answer) => answer.ok ? answer.text() : null).then((html) => {
          if (!html) return; // The chart says of which moment it is.
          const isFocused = part.contains(document.activeElement);
          part.innerHTML = html;
          point();
          if (isFocused) $("figure", part)?.focus();
        }).catch(() => {});
      }
    };
    listen();
    setInterval(tick, 500);
    // A page that comes back from the browser's store, or a device that wakes up, has heard nothing meanwhile.
    addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
    document.addEventListener("visibilitychange", () => { if (!document.hidden) tick(); });
    if (body.classList.contains("wall")) {
      // A screen that only listens uses its session as well.
      setInterval(() => fetch("/api/v1/openapi.json", { method: "HEAD" }).catch(() => {}), 3600000);
    }
    if (body.classList.contains("wall") && "wakeLock" in navigator) {
      const wake = () => { if (!document.hidden) navigator.wakeLock.request("screen").catch(() => {}); };
      document.addEventListener("visibilitychange", wake);
      wake();
    }
  } else if ("minute" in body.dataset) {
    // A list of what has been: it is loaded again now and then, and says of which moment it is; not while somebody writes.
    const isWritten = () => document.activeElement?.form || all("main input:not([type=hidden])").some((it) => it.value);
    setInterval(() => { if (!isWritten() && !document.hidden) location.reload(); }, 60000);
  }

  /* ---- values under the pointer ---- */
  const point = () => {
    const figure = $("figure[data-readings]"), charts = figure ? all(".chart", figure) : [];
    if (!charts.length) return;
    const { from, to, step, zone } = charts[0].dataset;
    const output = $("#pointed", figure);
    let points = null, at = null;
    const moment = (seconds) => new Date(seconds * 1000).toISOString();
    const load = () => {
      const query = new URLSearchParams({ from: moment(from), to: moment(to), step });
      points = fetch(`${figure.dataset.readings}?${query}`).then((answer) => answer.json())
        .then((answer) => answer.points.filter((it) => it.min !== null).map((it) => ({ ...it, s: Date.parse(it.at) / 1000 })))
        .catch(() => { points = null; return []; });
    };
    // The chart's own unit: its labels have it.
    const isF = $("text", charts[0]).textContent.includes("°F");
    const degrees = (celsius) => (isF ? celsius * 1.8 + 32 : celsius).toFixed(1).replace("-", "\u2212") + (isF ? " °F" : " °C");
    const edges = (chart) => chart.dataset.plot.split(" ").map(Number); // left, top, right, bottom
    const lines = charts.map((chart) => {
      const line = document.createElementNS("http://www.w3.org/2000/svg", "line"), [, top, , bottom] = edges(chart);
      line.setAttribute("class", "pointer");
      line.setAttribute("y1", top);
      line.setAttribute("y2", bottom);
      return line;
    });
    const show = async (wanted) => {
      if (!points) load();
      const known = await points;
      if (!known.length) return;
      at = wanted(known);
      const { s, min, mean, max } = known[at];
      charts.forEach((chart, index) => {
        const [left, , right] = edges(chart), x = left + (s - from) / (to - from) * (right - left);
        lines[index].setAttribute("x1", x);
        lines[index].setAttribute("x2", x);
        chart.append(lines[index]);
      });
      // A zone without a name is its distance from UTC in seconds.
      const isNamed = Number.isNaN(Number(zone)), shift = isNamed ? 0 : Number(zone);
      const options = { dateStyle: "medium", timeStyle: "short", timeZone: isNamed ? zone : "UTC" };
      const when = new Date((s + shift) * 1000).toLocaleString([], options);
      output.textContent = `${when}: ${degrees(mean)} (${degrees(min)} to ${degrees(max)})`;
    };
    const nearest = (s) => (known) =>
      known.reduce((best, it, index) => Math.abs(it.s - s) < Math.abs(known[best].s - s) ? index : best, 0);
    charts.forEach((chart) => chart.addEventListener("pointermove", (event) => {
      const [left, , right] = edges(chart), box = chart.getBoundingClientRect();
      const unit = (event.clientX - box.left) / box.width * chart.viewBox.baseVal.width;
      show(nearest(Number(from) + (unit - left) / (right - left) * (to - from)));
    }));
    figure.addEventListener("keydown", (event) => {
      const far = { ArrowLeft: -1, ArrowRight: 1, PageUp: -12, PageDown: 12, Home: -1e9, End: 1e9 }[event.key];
      if (!far) return;
      event.preventDefault();
      show((known) => Math.min(known.length - 1, Math.max(0, (at ?? known.length - 1) + far)));
    });
  };
  point();
})();
