/**
 * Writes a tar archive of text files (POSIX ustar).
 */
import type { File } from "./eventCatalog.ts"

const BLOCK = 512
const encoder = new TextEncoder()

/** Returns the archive. Throws for a path that no header holds, see {@link split}. */
export const write = (files: ReadonlyArray<File>, modifiedMillis: number): Uint8Array => {
  const parts = files.flatMap(({ content, path }) => {
    const data = encoder.encode(content)
    return [header(path, data.length, modifiedMillis), data, padding(data.length)]
  })
  // Two blocks of zeros end it.
  const all = [...parts, new Uint8Array(2 * BLOCK)]
  const archive = new Uint8Array(all.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of all) {
    archive.set(part, at)
    at += part.length
  }
  return archive
}

const padding = (length: number) => new Uint8Array((BLOCK - (length % BLOCK)) % BLOCK)

const header = (path: string, size: number, modifiedMillis: number): Uint8Array => {
  const block = new Uint8Array(BLOCK)
  const put = (at: number, most: number, value: string) => {
    const bytes = encoder.encode(value)
    if (bytes.length > most) throw new Error(`too long for an archive: ${path}`)
    block.set(bytes, at)
  }
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`
  const [folders, name] = split(path)
  put(0, 100, name)
  put(100, 8, octal(0o644, 7))
  put(108, 8, octal(0, 7))
  put(116, 8, octal(0, 7))
  put(124, 12, octal(size, 11))
  put(136, 12, octal(Math.floor(modifiedMillis / 1_000), 11))
  put(148, 8, " ".repeat(8))
  put(156, 1, "0")
  put(257, 8, "ustar\u000000")
  put(345, 155, folders)
  const sum = block.reduce((total, byte) => total + byte, 0)
  put(148, 8, `${sum.toString(8).padStart(6, "0")}\0 `)
  return block
}

/** Splits a path of more than 100 bytes at a slash: at most 155 bytes before it, 100 after it. */
const split = (path: string): readonly [string, string] => {
  if (path.length <= 100) return ["", path]
  const at = path.indexOf("/", path.length - 101)
  return at < 0 ? ["", path] : [path.slice(0, at), path.slice(at + 1)]
}
