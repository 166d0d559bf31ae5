// Times and numbers as people read them. Times are milliseconds, UTC.

export const parse = (text) => (text == null ? null : Date.parse(text));

const two = (n) => String(n).padStart(2, "0");

export function clock(ms) {
  const d = new Date(ms);
  return `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())}`;
}

// With the date when it is another day than `now`.
export function moment(ms, now) {
  if (ms == null) {
    return "?";
  }
  const day = new Date(ms).toISOString().slice(0, 10);
  const today = new Date(now).toISOString().slice(0, 10);
  return day === today ? clock(ms) : fullMoment(ms);
}

export const fullMoment = (ms) => `${new Date(ms).toISOString().slice(0, 10)} ${clock(ms)}`;

// The same where there is little room: of another day without seconds and year.
export function brief(ms, now) {
  const text = moment(ms, now);
  return text.length > 8 ? text.slice(5, -3) : text;
}

// "12:04", "1 h 02 min", "3 d 4 h"; rounded up: nobody waits too short.
export function span(ms) {
  const s = Math.max(0, Math.ceil(ms / 1000));
  if (s < 3600) {
    return `${Math.floor(s / 60)}:${two(s % 60)}`;
  }
  const min = Math.ceil(s / 60);
  if (min < 48 * 60) {
    return `${Math.floor(min / 60)} h ${two(min % 60)} min`;
  }
  const hours = Math.ceil(s / 3600);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

// "12 s", "4 min", "3 h": how long ago, roughly.
export function age(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 90) {
    return `${s} s`;
  }
  if (s < 90 * 60) {
    return `${Math.round(s / 60)} min`;
  }
  return s < 36 * 3600 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86400)} d`;
}

// A domain name without the dot of the root.
export function domain(name) {
  return name == null ? "?" : name.length > 1 && name.endsWith(".") ? name.slice(0, -1) : name;
}

export function seconds(s) {
  return s == null ? "?" : `${s} s`;
}

export function percent(ratio) {
  if (ratio == null) {
    return "?";
  }
  const value = ratio * 100;
  return value > 0 && value < 1 ? "<1 %" : `${Math.round(value)} %`;
}

// "12,345". Not toLocaleString: its first use takes 30 ms.
export const whole = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

export function count(n, one, many = `${one}s`) {
  return `${whole(n)} ${n === 1 ? one : many}`;
}
