/** Every event type of the host, its versions and what changed, and what folds it. */
import type { Catalogue } from "@daybook/inspector/CatalogueAnswer"
import { useCallback } from "react"
import type { Address } from "./address.ts"
import { href, replace, withQuery } from "./address.ts"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as AtomRegistry from "effect/reactivity/AtomRegistry"
import { registry, sayCause, useAnswer } from "./atoms.ts"
import { FindField } from "./FindField.tsx"
import { catalogue, Host } from "./host.ts"
import { sayCount } from "./Json.tsx"
import { Answered, Empty } from "./Notices.tsx"
import { Head, Link, say } from "./Shell.tsx"

type Codec = Catalogue["codecs"][number]
type EventType = Codec["types"][number]

export const CataloguePage = ({ here }: { readonly here: Address }) => {
  const answer = useAnswer(catalogue)
  const codecs = answer.value?.codecs ?? []
  const count = codecs.reduce((sum, { types }) => sum + types.length, 0)
  return (
    <>
      <Head
        title="Catalogue"
        tools={
          <button className="btn" type="button" onClick={() => void exportCatalogue()}>
            Export for EventCatalog
          </button>
        }
      >
        {answer.value === undefined ? null : (
          <>
            {sayCount(count, "event type")} of {sayCount(codecs.length, "codec")}
          </>
        )}
      </Head>
      <Answered answer={answer} what="the catalogue">
        {(known) => <Types here={here} codecs={known.codecs} />}
      </Answered>
    </>
  )
}

const archive = Host.query("catalogue", "export", {})

/** Saves the archive: a plain link would not send the credential of the caller. */
const exportCatalogue = async (): Promise<void> => {
  const exit = await Effect.runPromiseExit(
    AtomRegistry.getResult(registry, archive, { suspendOnWaiting: true })
  )
  if (Exit.isFailure(exit)) {
    say(`Not exported: ${sayCause(exit.cause)}`)
    return
  }
  const url = URL.createObjectURL(new Blob([exit.value.slice()], { type: "application/x-tar" }))
  const link = document.createElement("a")
  link.href = url
  link.download = "event-catalog.tar"
  link.click()
  URL.revokeObjectURL(url)
}

const mentions = (type: EventType, text: string): boolean =>
  [
    type.type,
    ...type.formerNames,
    ...type.versions.flatMap(({ fields }) => Object.keys(fields))
  ].some((name) => name.toLowerCase().includes(text.toLowerCase()))

const Types = ({
  here,
  codecs
}: {
  readonly here: Address
  readonly codecs: ReadonlyArray<Codec>
}) => {
  const q = here.query.get("q") ?? ""
  const [, category, name = here.query.get("type") ?? undefined] = here.path
  const shown = codecs
    .map((codec) => ({ ...codec, types: codec.types.filter((type) => mentions(type, q)) }))
    .filter(({ types }) => types.length > 0)
  const codec =
    codecs.find(
      (one) =>
        (category === undefined || one.category === category) &&
        (name === undefined || one.types.some(({ type }) => type === name))
    ) ?? shown[0]
  const type = codec?.types.find((one) => one.type === name) ?? shown[0]?.types[0]
  const onFind = useCallback((text: string) => replace(withQuery(here, { q: text })), [here])
  if (codec === undefined || type === undefined) {
    return (
      <Empty title="No event type">
        {q === "" ? "The host mounts no aggregate." : "No type and no field has this text."}
      </Empty>
    )
  }
  return (
    <div className="cols narrowleft">
      <nav className="sheet" aria-label="Event types">
        <div className="pad">
          <FindField
            label="Find a type or a field"
            placeholder="a type or a field"
            value={q}
            onFind={onFind}
          />
        </div>
        {shown.map((one) => (
          <div key={one.category}>
            <h2 className="cap pad">{one.category}</h2>
            <ul className="types">
              {one.types.map((each) => (
                <li key={each.type}>
                  <Link
                    to={href(["catalogue", one.category, each.type], { q })}
                    aria-current={each === type ? "true" : undefined}
                  >
                    <span className="ev">{each.type}</span>
                    <span className="tag">v{each.newest}</span>
                    {each.retired ? <span className="q2 push">retired</span> : null}
                  </Link>
                </li>
              ))}
            </ul>
          </div>
        ))}
      </nav>
      <div className="cols">
        <Versions type={type} codec={codec} />
        <Readers type={type} />
      </div>
    </div>
  )
}

const Versions = ({ type, codec }: { readonly type: EventType; readonly codec: Codec }) => {
  const paths = [...new Set(type.versions.flatMap(({ fields }) => Object.keys(fields)))]
  return (
    <section className="sheet" aria-label={type.type}>
      <header>
        <h2>{type.type}</h2>
        <p>
          {codec.category}, version {type.newest}
          {type.formerNames.length === 0 ? null : `, once ${type.formerNames.join(", ")}`}
          {type.retired ? ", retired: no new event has this type" : null}
        </p>
        <p className="push">
          <Link to={href(["streams"], { q: `type:${type.type}` })}>streams with it</Link>
        </p>
      </header>
      <div className="scroll" tabIndex={0} role="group" aria-label="Fields by version">
        <table className="ledger versions" aria-label="Fields by version">
          <thead>
            <tr>
              <th className="mg" scope="col">
                Field
              </th>
              {type.versions.map(({ schemaVersion }) => (
                <th key={schemaVersion} scope="col">
                  Version {schemaVersion}{" "}
                  {schemaVersion === type.newest ? <span className="q2">today</span> : null}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {paths.map((path) => (
              <tr key={path}>
                <th className="mg" scope="row">
                  <code>{path}</code>
                </th>
                {type.versions.map((version, index) => (
                  <FieldCell
                    key={version.schemaVersion}
                    path={path}
                    version={version}
                    before={type.versions[index - 1]}
                  />
                ))}
              </tr>
            ))}
            {paths.length === 0 ? (
              <tr>
                <td className="mg" />
                <td colSpan={type.versions.length}>
                  <span className="q2">it has no field</span>
                </td>
              </tr>
            ) : null}
          </tbody>
        </table>
      </div>
    </section>
  )
}

type Version = EventType["versions"][number]

const FieldCell = ({
  path,
  version,
  before
}: {
  readonly path: string
  readonly version: Version
  readonly before: Version | undefined
}) => {
  const [now, then] = [version.fields[path], before?.fields[path]]
  if (now === undefined) {
    return then === undefined ? (
      <td className="ditto">
        ·<span className="sr">absent</span>
      </td>
    ) : (
      <td className="field-type">
        <del>
          <FieldType text={then} />
        </del>
      </td>
    )
  }
  if (before === undefined) {
    return (
      <td className="field-type">
        <FieldType text={now} />
      </td>
    )
  }
  if (then === undefined) {
    return (
      <td className="field-type">
        <ins>
          <FieldType sign="+" text={now} />
        </ins>
      </td>
    )
  }
  return now === then ? (
    <td className="ditto">
      ″<span className="sr">as before</span>
    </td>
  ) : (
    <td className="field-type chg">
      <ins>
        <FieldType sign="~" text={now} />
      </ins>
    </td>
  )
}

/** A type as the catalogue says it: its name, and what it asks for. */
const FieldType = ({ text, sign }: { readonly text: string; readonly sign?: string }) => {
  const at = text.indexOf(", ")
  const [name, rest] = at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 2)]
  const pattern = /"source":("(?:[^"\\]|\\.)*")/.exec(rest)?.[1]
  return (
    <span title={text}>
      {sign === undefined ? null : `${sign} `}
      {name} <code>{pattern === undefined ? rest : String(JSON.parse(pattern))}</code>
    </span>
  )
}

const Readers = ({ type }: { readonly type: EventType }) => (
  <section className="sheet" aria-label="What folds it">
    <header>
      <h2>What folds it</h2>
    </header>
    <table className="ledger" aria-label="What folds it">
      <thead>
        <tr>
          <th className="mg" scope="col">
            Kind
          </th>
          <th scope="col">Name</th>
        </tr>
      </thead>
      <tbody>
        {type.readers.map(({ kind, name }) => (
          <tr key={`${kind} ${name}`}>
            <td className="mg">{kind}</td>
            <td>
              {kind === "read model" ? (
                <Link className="id" to={href(["read-models", name])}>
                  {name}
                </Link>
              ) : (
                <b className="id">{name}</b>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </section>
)
