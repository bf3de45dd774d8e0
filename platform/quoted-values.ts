// What graphql-js quotes of a request in its messages, each beside what stays. A value is everything to the end of its
// message, or up to the last part: nothing that a client has typed in ends a pattern early.
const QUOTED: readonly (readonly [pattern: RegExp, rest: string])[] = [
  [/^(Variable "\$\w+") got invalid value [^]*?((?: at "\$?[\w.[\]]+")?); ([^;]*)$/, '$1 got an invalid value$2; $3'],
  [/(cannot represent (?:an? )?[\w -]*?values?): [^]*$/, '$1.'],
  [/(\bfound) (Name|String|BlockString|Int|Float) "[^]*$/, '$1 $2.'],
  [/\bValue "[^]*" does not exist in "(\w+)" enum/, 'This value does not exist in "$1" enum'],
  [/^(Expected value of type "[\w![\]]+"), found [^]*$/, '$1.'],
]

/**
 * A message of graphql-js without the values that the client sent: they may be a card's number or a password, and
 * messages are shown, logged and kept. Where in the request the mistake is stays.
 */
export const withoutValues = (message: string): string =>
  QUOTED.reduce((text, [pattern, rest]) => text.replace(pattern, rest), message)
