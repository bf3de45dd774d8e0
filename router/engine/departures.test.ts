import { parse } from 'graphql'
import { describe, expect, test } from 'vitest'
import { bothExecutors } from '../testing/both-executors.ts'
import { museum } from '../testing/market.ts'
import { dreamt, linked, worlds, type World } from '../testing/worlds.ts'

/** The data of both for an operation in which every variable is true. */
async function data(world: World, query: string) {
  const answers = await bothExecutors(world).execute(parse(query), { yes: true, no: true })
  return { ours: answers?.ours.data, theirs: answers?.theirs.data }
}

describe('where the stock executor departs from the specification, the engine does not', () => {
  test('what is asked for as an interface and then as its own type is there, named or not', async () => {
    const sky = worlds['a sky of real data']()
    const planet = { name: 'Venus' }
    expect(await data(sky, '{ planet(id: "p1") { ... on Body { ... on Planet { name } } } }')).toEqual({
      ours: { planet },
      theirs: { planet: {} },
    })
    const typed = await data(sky, '{ planet(id: "p1") { ... on Body { __typename ... on Planet { name } } } }')
    expect(typed.theirs).toEqual(typed.ours)
  })

  test('an interface that is an object to one subgraph keeps the type that another knows', async () => {
    expect(await data(dreamt(linked(museum)), '{ highlight { __typename insured } }')).toEqual({
      ours: { highlight: { __typename: 'Painting', insured: true } },
      theirs: { highlight: null },
    })
  })
})

test('an object of which everything is skipped is there all the same, and empty', async () => {
  const sky = worlds['a sky of real data']()
  const query = 'query ($yes: Boolean!, $no: Boolean!) { astronomers @include(if: $no) { name @skip(if: $yes) } }'
  expect((await data(sky, query)).ours).toEqual({ astronomers: [{}, {}] })
})
