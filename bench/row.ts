/** Prints one line of a table. */
export function row(title: string, ...cells: string[]): void {
  console.log(title.padEnd(30) + cells.map((cell) => cell.padStart(Math.max(10, cell.length + 2))).join(''))
}
