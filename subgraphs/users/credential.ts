import { hash, verify } from '@node-rs/argon2'
import { z } from 'zod'

// The library's defaults are argon2id with 19 MiB and two passes, as OWASP's password storage sheet asks for.

/** What is kept of a password: argon2id in PHC form. */
export const hashPassword = (password: string): Promise<string> => hash(password)

// Of a password that nobody has. Checked for unknown addresses, so that they take as long as known ones.
const NOBODYS = '$argon2id$v=19$m=19456,t=2,p=1$I4759FyhNTImc9pyb8NpBw$X5zFtMP3fBMagW/4ngO0lxa0u597mmS4/8k2EIy844M'

/** Whether `password` is the one that `kept` was made of. False for null, after the same time. */
export async function isPassword(password: string, kept: string | null): Promise<boolean> {
  const isSame = await verify(kept ?? NOBODYS, password)
  return isSame && kept !== null
}

export const password = z
  .string()
  .min(8, 'A password has 8 to 128 characters.')
  .max(128, 'A password has 8 to 128 characters.')

/** An e-mail address, trimmed and in lower case: the same address is the same account however it is written. */
export const email = z
  .string()
  .trim()
  .toLowerCase()
  .pipe(z.email('This is not an e-mail address.').max(254, 'An e-mail address has at most 254 characters.'))
