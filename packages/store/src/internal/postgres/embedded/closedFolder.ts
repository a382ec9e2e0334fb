/**
 * The file system of PGlite's cluster, in which files and folders are open to their user only.
 *
 * PGlite sets its own modes after it has made a file, 666 for nearly all of them, so the umask has
 * no effect.
 */
import { NodeFS } from "@electric-sql/pglite/nodefs"
import * as Predicate from "effect/Predicate"

type Init = NodeFS["init"]

export class ClosedFolder extends NodeFS {
  override async init(...args: Parameters<Init>): ReturnType<Init> {
    const { emscriptenOpts } = await super.init(...args)
    const preRun: typeof emscriptenOpts.preRun = [
      (module) => closeFiles(module.NODEFS),
      ...(emscriptenOpts.preRun ?? [])
    ]
    return { emscriptenOpts: { ...emscriptenOpts, preRun } }
  }
}

const own = (mode: number): number => mode & ~0o077

type Operation = (...args: ReadonlyArray<unknown>) => unknown

const isOperation = (value: unknown): value is Operation => Predicate.isFunction(value)

/**
 * Emscripten makes files and folders by `mknod(parent, name, mode, device)`, and changes modes by
 * `setattr(node, {mode})`.
 */
const closeFiles = (nodeFs: unknown): void => {
  const operations = Predicate.hasProperty(nodeFs, "node_ops") ? nodeFs.node_ops : undefined
  if (
    !Predicate.hasProperty(operations, "mknod") ||
    !Predicate.hasProperty(operations, "setattr") ||
    !isOperation(operations.mknod) ||
    !isOperation(operations.setattr)
  ) {
    throw new Error("PGlite's file system has no mknod and setattr whose modes could be set")
  }
  const { mknod, setattr } = operations
  operations.mknod = (parent: unknown, name: unknown, mode: number, device: unknown) =>
    mknod(parent, name, own(mode), device)
  operations.setattr = (node: unknown, attributes: unknown) =>
    setattr(
      node,
      Predicate.hasProperty(attributes, "mode") && typeof attributes.mode === "number"
        ? { ...attributes, mode: own(attributes.mode) }
        : attributes
    )
}
