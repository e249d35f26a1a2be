// Ticks of an axis of dates, in days since 1970 in UTC; hil/report/charts/dates.py says the same.
const HOUR = 1 / 24;
const DATE_STEPS = [HOUR / 60, HOUR / 12, HOUR / 4, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 1, 2, 3, 7, 14];
const MONTH_STEPS = [1, 2, 3, 6, 12];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const moment = (days) => new Date(Math.round(days * 86400) * 1000);
const two = (number) => String(number).padStart(2, "0");
function dateTicks(lo, hi) {
  const rough = (hi - lo) / 5.5;
  const step = DATE_STEPS.find((size) => size >= rough);
  const values = [];
  if (step) {
    for (let k = Math.ceil(lo / step); k * step <= hi + 1e-9; k += 1) values.push(k * step);
    return values;
  }
  const months = MONTH_STEPS.find((n) => n * 30.44 >= rough) ?? 12 * Math.ceil(rough / 365.28);
  const first = moment(lo);
  let number = Math.ceil((first.getUTCFullYear() * 12 + first.getUTCMonth()) / months) * months;
  for (;;) {
    const day = Date.UTC(Math.floor(number / 12), number % 12, 1) / 86400000;
    if (!(day <= hi)) return values;
    if (day >= lo) values.push(day);
    number += months;
  }
}
function dateText(axis, value) {
  const at = moment(value);
  if ((axis.hi - axis.lo) / 5.5 > 14) return `${at.getUTCFullYear()}-${two(at.getUTCMonth() + 1)}`;
  if (Math.abs(value - Math.round(value)) < 1e-6) return `${MONTHS[at.getUTCMonth()]} ${at.getUTCDate()}`;
  return `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`;
}
