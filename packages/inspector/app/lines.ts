/** The lines of lists that are wholly in the page: `j` and `k` move through them. */

const LINES = "main table.ledger tbody tr, main ul.types li"

const isShown = (line: Element): boolean => line.getClientRects().length > 0

/** Moves the focus to the link of the next or the previous line. */
export const stepLine = (by: 1 | -1): void => {
  const links = [...document.querySelectorAll(LINES)].flatMap((line) => {
    const link = line.querySelector<HTMLElement>("a, button")
    return link === null || !isShown(line) ? [] : [{ line, link }]
  })
  const at = links.findIndex(({ line }) => line.contains(document.activeElement))
  const chosen = links.findIndex(({ link }) => link.ariaCurrent === "true")
  const from = at >= 0 ? at + by : Math.max(0, chosen)
  links[from]?.link.focus()
}
