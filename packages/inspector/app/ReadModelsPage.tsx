/** The read models of the host. */
import type { ReadModelHead } from "@daybook/inspector/ReadModelAnswer"
import { href } from "./address.ts"
import { useAnswer } from "./atoms.ts"
import { Host } from "./host.ts"
import { sayCount } from "./Json.tsx"
import { Answered, Empty } from "./Notices.tsx"
import { Head, Link } from "./Shell.tsx"
import * as Atom from "effect/reactivity/Atom"

/** The read models and their columns. */
export const readModels = Atom.keepAlive(Host.query("readModels", "list", {}))

export const ReadModelsPage = () => {
  const answer = useAnswer(readModels)
  return (
    <>
      <Head title="Read models">
        {answer.value === undefined ? null : sayCount(answer.value.length, "read model")}
      </Head>
      <Answered answer={answer} what="the read models">
        {(models) =>
          models.length === 0 ? (
            <Empty title="No read model">The host mounts the inspector without projections.</Empty>
          ) : (
            <div className="sheet">
              <table className="ledger fold" role="table" aria-label="Read models">
                <thead>
                  <tr>
                    <th className="mg" scope="col">
                      Version
                    </th>
                    <th scope="col">Name</th>
                    <th scope="col">Folds</th>
                    <th scope="col">Columns</th>
                  </tr>
                </thead>
                <tbody>
                  {models.map((model) => (
                    <Line key={model.name} model={model} />
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Answered>
    </>
  )
}

const Line = ({ model }: { readonly model: ReadModelHead }) => (
  <tr>
    <td className="mg">v{model.version}</td>
    <td className="main">
      <Link className="id" to={href(["read-models", model.name])}>
        <b>{model.name}</b>
      </Link>
    </td>
    <td className="two-of">{model.categories.join(", ")}</td>
    <td className="gone wraps q2">{model.columns.map(({ field }) => field).join(", ")}</td>
  </tr>
)
