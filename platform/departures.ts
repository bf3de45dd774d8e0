import type { ServerResponse } from 'node:http'
import type { ApolloServerPlugin } from '@apollo/server'
import { OperationTypeNode } from 'graphql'

const LEAVING = Symbol('what happens when the caller leaves')

/** Goes with a context, of which Apollo Server makes a copy. */
interface Leavable {
  [LEAVING]?: { isQuery: boolean }
}

/** Creates the context of a request whose signal aborts when the caller leaves a query. A mutation is carried out. */
export function leavable<C extends object>(outgoing: ServerResponse, createContext: (signal: AbortSignal) => C): C {
  const gone = new AbortController()
  const leaving = { isQuery: false }
  outgoing.once('close', () => {
    if (!outgoing.writableFinished && leaving.isQuery) gone.abort()
  })
  return Object.assign(createContext(gone.signal), { [LEAVING]: leaving })
}

/** Tells queries from the others, which is known only when they have been read. */
export const tellQueries: ApolloServerPlugin = {
  requestDidStart: async () => ({
    didResolveOperation: async ({ operation, contextValue }) => {
      const leaving = (contextValue as Leavable)[LEAVING]
      if (leaving) leaving.isQuery = operation?.operation === OperationTypeNode.QUERY
    },
  }),
}
