import type { IncomingMessage } from 'node:http'
import { expect, test } from 'vitest'
import { deviceOf } from './device.ts'

const asking = (headers: IncomingMessage['headers']) =>
  ({ headers, socket: { remoteAddress: '10.0.0.9' } }) as Pick<IncomingMessage, 'headers' | 'socket'>

test('without a proxy in front the address is the socket’s, whatever the client says', () => {
  expect(deviceOf(asking({ 'x-forwarded-for': '1.2.3.4', 'user-agent': 'app' }), 0)).toEqual({
    ip: '10.0.0.9',
    userAgent: 'app',
  })
})

test('behind proxies it is what the outermost trusted one saw', () => {
  const headers = { 'x-forwarded-for': '6.6.6.6, 1.2.3.4, 10.0.0.7' }
  expect(deviceOf(asking(headers), 1).ip).toBe('10.0.0.7')
  expect(deviceOf(asking(headers), 2).ip).toBe('1.2.3.4')
  expect(deviceOf(asking({}), 1).ip).toBe('10.0.0.9')
})

test('an endless user agent is cut', () => {
  expect(deviceOf(asking({ 'user-agent': 'x'.repeat(10_000) }), 0).userAgent).toHaveLength(300)
})
