/** A row explained: each event that touched it, folded again by the projection itself. */
import type { ExplainedRow, ReadModelHead } from "@daybook/inspector/ReadModelAnswer"
import { useMemo } from "react"
import type { Address } from "./address.ts"
import { go, href, replace, withQuery } from "./address.ts"
import { parseAsOf } from "./asOf.ts"
import { AsOfField } from "./AsOfField.tsx"
import { useAnswer } from "./atoms.ts"
import { Cell, isNumeric, readsSame } from "./Cell.tsx"
import type { Column } from "./Cell.tsx"
import { Host, millisOf, useShow } from "./host.ts"
import { JsonPair, sayCount, sayNumber } from "./Json.tsx"
import { useKeys } from "./keys.ts"
import type { LedgerItem } from "./Ledger.tsx"
import { Ledger } from "./Ledger.tsx"
import { Answered } from "./Notices.tsx"
import { readModels } from "./ReadModelsPage.tsx"
import { keyOf, sayKey } from "./rowKey.ts"
import { copyLink, Head, Link } from "./Shell.tsx"
import { Change } from "./StateView.tsx"
import { sayTime, Time } from "./Time.tsx"
import { Bar, Withheld } from "./Withheld.tsx"

type Step = ExplainedRow["steps"][number]

export const RowPage = ({
  here,
  name,
  segments
}: {
  readonly here: Address
  readonly name: string
  readonly segments: ReadonlyArray<string>
}) => {
  const key = keyOf(segments)
  const at = here.query.get("at") ?? ""
  const show = useShow()
  const models = useAnswer(readModels)
  const answer = useAnswer(
    useMemo(
      () =>
        Host.query("readModels", "explain", {
          params: { model: name },
          query: { key, ...parseAsOf(at), ...show }
        }),
      [name, key, at, show]
    )
  )
  const model = models.value?.find((one) => one.name === name)
  const steps = answer.value?.steps.length ?? 0
  return (
    <>
      <Head
        title={`${sayKey(key)} in ${name}`}
        crumbs={[
          { name: "Read models", to: href(["read-models"]) },
          { name, to: href(["read-models", name]) }
        ]}
        tools={
          <>
            <AsOfField
              label="as of"
              value={at}
              onChange={(text) => go(withQuery(here, { at: text, step: undefined }))}
            />
            <button className="btn" type="button" onClick={copyLink}>
              Copy link
            </button>
          </>
        }
      >
        {answer.value === undefined ? null : (
          <>
            Why the row says what it says: {sayCount(steps + answer.value.skipped, "event")} touched
            it, each folded here again by the projection’s own <code>apply</code>
          </>
        )}
      </Head>
      <Answered answer={answer} what="the row">
        {(explained) =>
          model === undefined ? null : <Explained here={here} model={model} explained={explained} />
        }
      </Answered>
    </>
  )
}

const verdicts = {
  equal: <span className="st equal">the stored row is equal to this fold</span>,
  differs: <span className="st differs">the stored row differs from this fold</span>,
  moving: <span className="st behind">the stored row moved on meanwhile</span>,
  "not compared": <span className="q2">the stored row is not compared</span>
}

const Explained = ({
  here,
  model,
  explained
}: {
  readonly here: Address
  readonly model: ReadModelHead
  readonly explained: ExplainedRow
}) => {
  const { steps, skipped } = explained
  const named = Number.parseInt(here.query.get("step") ?? "", 10) - skipped
  const chosen = Number.isNaN(named) ? steps.length : Math.min(steps.length, Math.max(1, named))
  const to = (step: number) => withQuery(here, { step: step + skipped })
  const move = (by: number) => replace(to(Math.min(steps.length, Math.max(1, chosen + by))))
  useKeys({ ArrowLeft: () => move(-1), ArrowRight: () => move(1) })
  const step = steps[chosen - 1]
  const values = model.columns.filter(({ isKey }) => !isKey)
  // A column that no step changed would only repeat.
  const moving = values.filter(({ field }) =>
    steps.some(({ changed, before }) => before !== null && changed.includes(field))
  )
  const columns = moving.length === 0 ? values : moving
  return (
    <>
      <Withheld is={explained.withheld} />
      <StoredRow model={model} explained={explained} />
      <p className="pad q2 row">
        <span data-verdict={explained.verdict}>{verdicts[explained.verdict]}</span>
        <span>
          Version {model.version}, folded to position {sayNumber(explained.position)} in{" "}
          {Math.max(1, Math.round(explained.searched.millis))} ms.
          {explained.complete ? null : " The fold ended at its limit before it reached the point."}
          {skipped === 0 ? null : ` The first ${sayCount(skipped, "step")} are not listed.`}
        </span>
        <span className="marks">
          <span>
            <b>″</b>as in the line above
          </span>
          <span className="a1">
            <b>+</b>first set
          </span>
          <span className="c1">
            <b>~</b>changed
          </span>
        </span>
      </p>
      <div className="sheet scroll table">
        <Ledger
          label="What became of the row, event by event"
          className="steps"
          isInside
          columns={columns.length + 3}
          here={lineOf(steps, chosen)}
          items={itemsOf(steps, chosen, columns, to)}
          total={steps.length}
          head={
            <>
              <th className="mg" scope="col">
                Time
              </th>
              <th className="n" scope="col">
                Rev.
              </th>
              <th scope="col">Event</th>
              {columns.map((column) => (
                <th key={column.field} scope="col" className={isNumeric(column) ? "n" : undefined}>
                  {column.field}
                </th>
              ))}
            </>
          }
        />
      </div>
      {explained.stopped === undefined ? null : (
        <div className="call bad">
          <strong>It can’t fold {explained.stopped.event.type}</strong>
          <p>
            <Link
              to={href(["streams", explained.stopped.event.streamId], {
                rev: explained.stopped.event.revision
              })}
            >
              {explained.stopped.event.streamId} at revision {explained.stopped.event.revision}
            </Link>
            : {explained.stopped.issue}
          </p>
        </div>
      )}
      {step === undefined ? null : (
        <StepSheet step={step} number={chosen + skipped} count={steps.length} move={move} />
      )}
    </>
  )
}

const StoredRow = ({
  model,
  explained
}: {
  readonly model: ReadModelHead
  readonly explained: ExplainedRow
}) => {
  const last = explained.steps.at(-1)?.after
  const row = explained.stored === undefined ? last : explained.stored
  const columns = [
    ...model.columns.filter(({ isKey }) => isKey),
    ...model.columns.filter(({ isKey }) => !isKey)
  ]
  return (
    <div className="sheet scroll" tabIndex={0} role="group" aria-label="The row">
      <table className="ledger" aria-label="The row">
        <thead>
          <tr>
            {columns.map((column, index) => (
              <th
                key={column.field}
                scope="col"
                className={index === 0 ? "mg" : isNumeric(column) ? "n" : undefined}
              >
                {column.field}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <tr>
            {columns.map((column, index) => (
              <td
                key={column.field}
                className={index === 0 ? "mg" : isNumeric(column) ? "n nb" : "nb"}
              >
                {row === undefined ? (
                  <Bar />
                ) : row === null ? (
                  index === 0 ? (
                    "no row"
                  ) : null
                ) : (
                  <Cell value={row[column.field]} column={column} form="full" />
                )}
              </td>
            ))}
          </tr>
        </tbody>
      </table>
    </div>
  )
}

const dayOf = ({ event }: Step): string => sayTime(millisOf(event.occurredAt), "day", false)

/** The index of a step among the lines, which have a head for each day. */
const lineOf = (steps: ReadonlyArray<Step>, chosen: number): number =>
  new Set(steps.slice(0, chosen).map(dayOf)).size + chosen - 1

const itemsOf = (
  steps: ReadonlyArray<Step>,
  chosen: number,
  columns: ReadonlyArray<Column>,
  to: (step: number) => string
): ReadonlyArray<LedgerItem> => {
  const items: Array<LedgerItem> = []
  let day = ""
  for (const [index, step] of steps.entries()) {
    const at = millisOf(step.event.occurredAt)
    if (dayOf(step) !== day) {
      day = dayOf(step)
      items.push({
        key: `day ${index}`,
        look: "day",
        cells: () => (
          <>
            <th className="mg" scope="rowgroup">
              <Time at={at} form="day" />
            </th>
            <td colSpan={columns.length + 2}>
              {index === 0 && step.before === null ? (
                <span className="q2">no row before the first event</span>
              ) : null}
            </td>
          </>
        )
      })
    }
    items.push({
      key: step.event.id,
      look: index + 1 === chosen ? "here" : undefined,
      onOpen: () => replace(to(index + 1)),
      cells: () => (
        <>
          <td className="mg">
            <Time at={at} form="hms" />
          </td>
          <td className="n side">{step.event.revision}</td>
          <td className="main cut w3">
            <Link
              className="ev"
              to={to(index + 1)}
              aria-current={index + 1 === chosen ? "true" : undefined}
            >
              {step.event.type}
            </Link>{" "}
            <span className="what wide-only">{step.event.text}</span>
          </td>
          {columns.map((column) => (
            <StepCell key={column.field} step={step} column={column} />
          ))}
        </>
      )
    })
  }
  return items
}

const StepCell = ({ step, column }: { readonly step: Step; readonly column: Column }) => {
  const numeric = isNumeric(column) ? "n " : ""
  if (!step.changed.includes(column.field)) {
    return (
      <td className={`ditto gone ${numeric}`}>
        ″<span className="sr">as before</span>
      </td>
    )
  }
  if (step.before === undefined || step.after === undefined) {
    return (
      <td className={`${numeric}two-of`}>
        <Bar />
      </td>
    )
  }
  const [before, after] = [step.before?.[column.field], step.after?.[column.field]]
  if (step.before === null || step.after === null) {
    return (
      <td className={`${numeric}gone`}>
        {step.after === null ? (
          <del>
            <Cell value={before} column={column} form="hms" />
          </del>
        ) : (
          <ins>
            <Cell value={after} column={column} form="hms" />
          </ins>
        )}
      </td>
    )
  }
  const isTime = column.type === "timestamptz"
  return (
    <td className={`chg ${numeric}two-of`} data-k={column.field}>
      {readsSame(before, after, column) ? (
        <ins>~ changed</ins>
      ) : (
        <Change
          before={isTime ? undefined : <Cell value={before} column={column} form="hms" />}
          after={<Cell value={after} column={column} form="hms" />}
        />
      )}
    </td>
  )
}

const StepSheet = ({
  step,
  number,
  count,
  move
}: {
  readonly step: Step
  readonly number: number
  readonly count: number
  readonly move: (by: number) => void
}) => (
  <section className="sheet gap" aria-label={`Step ${number}`}>
    <header>
      <h2>
        Step {number}: {step.event.type}
      </h2>
      <p>
        <Link to={href(["streams", step.event.streamId], { rev: step.event.revision })}>
          {step.event.streamId} at revision {step.event.revision}
        </Link>
        {step.event.actor === undefined ? null : `, by ${step.event.actor}`}
        {step.event.text === undefined ? null : `: ${step.event.text}`}
      </p>
      <div className="row push">
        <button
          className="btn sq"
          type="button"
          aria-label="A step back"
          disabled={number <= 1}
          onClick={() => move(-1)}
        >
          ←
        </button>
        <button
          className="btn sq"
          type="button"
          aria-label="A step on"
          disabled={number >= count}
          onClick={() => move(1)}
        >
          →
        </button>
      </div>
    </header>
    {step.before === undefined || step.after === undefined ? (
      <p className="pad">
        <Bar />
      </p>
    ) : (
      <JsonPair
        before={step.before}
        after={step.after}
        heads={[
          "The row before",
          <>
            The row after <span className="tag on">apply</span>
          </>
        ]}
        labels={["The row before", "The row after"]}
      />
    )}
  </section>
)
