// Time along the x axis.

import { clock } from "./format.js";

export class TimeScale {
  constructor(from, to, width) {
    this.from = from;
    this.to = Math.max(to, from + 1000);
    this.width = width;
  }

  x(t) {
    return ((t - this.from) / (this.to - this.from)) * this.width;
  }

  // Within the picture.
  clamp(t) {
    return Math.min(this.width, Math.max(0, this.x(t)));
  }

  time(x) {
    return this.from + (x / this.width) * (this.to - this.from);
  }

  ticks() {
    const wanted = Math.max(2, this.width / 96);
    const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400,
      172800, 604800];
    const rough = (this.to - this.from) / 1000 / wanted;
    const step = (steps.find((s) => s >= rough) ?? Math.ceil(rough / 604800) * 604800) * 1000;
    const list = [];
    for (let t = Math.ceil(this.from / step) * step; t <= this.to; t += step) {
      const text = clock(t);
      // Where a day begins its date, "11-27".
      const day = t % 86400000 === 0 ? new Date(t).toISOString().slice(5, 10) : null;
      list.push({ t, x: this.x(t), text: day ?? (step < 60000 ? text : text.slice(0, 5)) });
    }
    return list;
  }
}
