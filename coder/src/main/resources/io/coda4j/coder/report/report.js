
"use strict";
// Shows the values of all curves at the pointer. Each curve carries its points as "pixel,x,y;...".
(() => {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  document.body.append(tip);
  for (const chart of document.querySelectorAll("svg.chart")) {
    const hit = chart.querySelector(".hit");
    const curves = [...chart.querySelectorAll("g[data-points]")].map(curve => ({
      name: curve.dataset.name,
      points: curve.dataset.points.split(";").filter(Boolean).map(point => point.split(",")),
    }));
    const rule = document.createElementNS(chart.namespaceURI, "line");
    rule.setAttribute("class", "rule");
    rule.setAttribute("y1", hit.getAttribute("y"));
    rule.setAttribute("y2", Number(hit.getAttribute("y")) + Number(hit.getAttribute("height")));
    const hide = () => {
      tip.hidden = true;
      rule.remove();
    };
    hit.addEventListener("pointerleave", hide);
    hit.addEventListener("pointermove", event => {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(chart.getScreenCTM().inverse()).x;
      const nearest = curve => curve.points.reduce((a, b) => Math.abs(b[0] - at) < Math.abs(a[0] - at) ? b : a);
      const found = curves.filter(curve => curve.points.length).map(curve => ({name: curve.name, point: nearest(curve)}));
      if (!found.length) {
        return hide();
      }
      const closest = found.map(f => f.point).reduce((a, b) => Math.abs(b[0] - at) < Math.abs(a[0] - at) ? b : a);
      rule.setAttribute("x1", closest[0]);
      rule.setAttribute("x2", closest[0]);
      hit.before(rule);
      const lines = found.map(f => f.name + ": " + f.point[2]);
      tip.textContent = closest[1] + " " + chart.dataset.xLabel.split(",")[0] + "\n" + lines.join("\n");
      tip.hidden = false;
      const box = tip.getBoundingClientRect();
      const right = event.clientX + 16 + box.width < innerWidth;
      tip.style.left = (right ? event.clientX + 16 : event.clientX - 16 - box.width) + "px";
      tip.style.top = Math.min(event.clientY + 16, innerHeight - box.height - 8) + "px";
    });
  }
})();
