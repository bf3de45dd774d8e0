import { Visitor } from './client.ts'

/** Somebody without an account, with a guest's tokens. */
export async function guestAt(router: string): Promise<Visitor> {
  const visitor = new Visitor(router)
  return visitor.keep((await visitor.ask('guest-session-create')).guestSessionCreate.authTokens)
}

/** Signs in one of the demo's people; as a guest's tokens' owner their things come along. */
export async function signIn(visitor: Visitor, name: string, password = 'password123'): Promise<Visitor> {
  const { sessionCreate } = await visitor.ask('sign-in', { email: `${name}@example.com`, password })
  if (!sessionCreate.authTokens) throw new Error(JSON.stringify(sessionCreate.userErrors))
  return visitor.keep(sessionCreate.authTokens)
}

export const signedIn = (router: string, name: string): Promise<Visitor> => signIn(new Visitor(router), name)
