/**
 * The rule by which the process of a side finds packages: the driver is that of the present
 * checkout, and the packages that it imports are those of the side's.
 */

/** The packages whose modules are the driver. */
const DRIVER = ["benchmarks", "peers"]

/**
 * Returns the URL of the file whose imports decide where a specifier leads. The benchmarks of the
 * side depend on all packages that are measured, and on their `effect`.
 *
 * @param driver - the folder `packages` of the driver, as a URL
 * @param side - the folder `packages` of the side, as a URL
 */
export const importer = (
  specifier: string,
  parent: string | undefined,
  driver: string,
  side: string
): string | undefined => {
  const isBare = !/^(\.{0,2}\/|[a-z]+:)/.test(specifier)
  const isOfDriver = DRIVER.some((name) => specifier.startsWith(`@daybook/${name}/`))
  const byDriver = DRIVER.some((name) => parent?.startsWith(`${driver}${name}/src/`) === true)
  return isBare && byDriver && !isOfDriver ? `${side}benchmarks/package.json` : parent
}
