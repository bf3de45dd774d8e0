import { createTransport } from 'nodemailer'
import type { Config } from '#platform/config.ts'
import type { MailRow } from './tables.ts'

/** The way out for mails. */
export interface Mailer extends AsyncDisposable {
  /** @throws when the mail was not accepted. */
  send(mail: Pick<MailRow, 'id' | 'recipient' | 'subject' | 'text' | 'html'>): Promise<void>
  /** Mails stay here, for the development mailbox to show. */
  isMailbox: boolean
}

/** SMTP when `SMTP_URL` is set, otherwise the mailbox at `/dev/mail`, which production does not have. */
export function openMailer({
  SMTP_URL,
  MAIL_FROM,
  NODE_ENV,
}: Pick<Config, 'SMTP_URL' | 'MAIL_FROM' | 'NODE_ENV'>): Mailer {
  if (!SMTP_URL) {
    return {
      isMailbox: true,
      async send() {
        if (NODE_ENV === 'production') throw new Error('SMTP_URL: production sends mails by SMTP; set it')
      },
      async [Symbol.asyncDispose]() {},
    }
  }
  const smtp = createTransport(SMTP_URL)
  return {
    isMailbox: false,
    async send({ id, recipient, subject, text, html }) {
      // The id stays the same when a mail is sent again, so that mailboxes show it once.
      await smtp.sendMail({ messageId: `<${id}@mercato>`, from: MAIL_FROM, to: recipient, subject, text, html })
    },
    async [Symbol.asyncDispose]() {
      smtp.close()
    },
  }
}
