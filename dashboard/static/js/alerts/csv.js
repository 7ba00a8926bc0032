/** Saves what is shown as a CSV file: RFC 4180, and no cell that a spreadsheet would run as a formula. */

const FORMULA = /^[=+\-@\t\r\n]/;

/** `columns` are pairs of a title and what gives a row's cell. */
export function saveCsv(name, columns, rows) {
  const lines = [columns.map(([title]) => title), ...rows.map((row) => columns.map(([, cell]) => cell(row)))];
  const text = lines.map((line) => `${line.map(quoted).join(",")}\r\n`).join("");
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function quoted(cell) {
  const text = typeof cell === "string" && FORMULA.test(cell) ? `'${cell}` : `${cell ?? ""}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
