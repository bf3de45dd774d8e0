import { describe, expect, test } from 'vitest'
import { ResponseReader } from './http-response.ts'

const MAX = 1_000

/** Every way to read `text` in two pieces, and one byte at a time; what each came to. */
function readings(text: string, { isEnded = false } = {}): { body: string | undefined; isReusable: boolean }[] {
  const bytes = Buffer.from(text)
  const splits = Array.from({ length: bytes.length }, (_, index) => [bytes.subarray(0, index), bytes.subarray(index)])
  return [...splits, Array.from(bytes, (byte) => Buffer.from([byte]))].map((pieces) => {
    const reader = new ResponseReader(MAX)
    let body: string | undefined
    for (const piece of pieces) {
      // As on a connection, where every read goes into the same memory.
      const memory = Buffer.from(piece)
      body ??= reader.read(memory)
      memory.fill(0)
    }
    return { body: body ?? (isEnded ? reader.end() : undefined), isReusable: reader.isReusable }
  })
}

function expectAll(text: string, expected: { body: string | undefined; isReusable?: boolean; isEnded?: boolean }) {
  const { body, isReusable = true, isEnded } = expected
  for (const reading of readings(text, { isEnded })) expect(reading).toEqual({ body, isReusable })
}

describe('an answer, however it comes in pieces,', () => {
  test('is as long as it says', () => {
    expectAll('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n{"é"}', { body: '{"é"}' })
    expectAll('HTTP/1.1 500\r\ncontent-length:0\r\n\r\n', { body: '' })
  })

  test('may come in chunks, with extensions and trailers', () => {
    const chunks = '5;a=b\r\nHello\r\nA\r\n, wörld!!\r\n0\r\nX-Sum: 1\r\n\r\n'
    expectAll(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`, { body: 'Hello, wörld!!' })
  })

  test('without a length ends with its connection', () => {
    expectAll('HTTP/1.1 200 OK\r\n\r\nall of it', { body: 'all of it', isReusable: false, isEnded: true })
  })

  test('follows interim answers', () => {
    const interim = 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'
    expectAll(`${interim}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}`, { body: '{}' })
  })

  test('without content has no body', () => {
    expectAll('HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n', { body: '' })
  })
})

describe('a connection', () => {
  const answer = (head: string, version = '1.1') => `HTTP/${version} 200 OK\r\n${head}Content-Length: 2\r\n\r\n{}`

  test('is used for the next answer', () => {
    const reader = new ResponseReader(MAX)
    for (let time = 0; time < 3; time++) expect(reader.read(Buffer.from(answer('')))).toBe('{}')
    expect(reader.isReusable).toBe(true)
  })

  test('is used no more when the server says so, speaks HTTP/1.0, or sends what nobody asked for', () => {
    expectAll(answer('Connection: Close\r\n'), { body: '{}', isReusable: false })
    expectAll(answer('', '1.0'), { body: '{}', isReusable: false })
    const reader = new ResponseReader(MAX)
    expect(reader.read(Buffer.from(`${answer('')}HTTP`))).toBe('{}')
    expect(reader.isReusable).toBe(false)
  })

  test('is kept as long as the server says', () => {
    const reader = new ResponseReader(MAX)
    reader.read(Buffer.from(answer('Keep-Alive: timeout=5, max=7\r\n')))
    expect(reader.keptMs).toBe(5_000)
  })
})

describe('what is no answer', () => {
  const head = 'HTTP/1.1 200 OK\r\n'
  test.each([
    ['another protocol', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['another version', 'HTTP/2 200 OK\r\n\r\n'],
    ['a length that is none', `${head}Content-Length: -1\r\n\r\n`],
    ['two lengths', `${head}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`],
    ['a length beside chunks', `${head}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`],
    ['a coding that was not asked for', `${head}Transfer-Encoding: gzip, chunked\r\n\r\n`],
    ['a chunk without a size', `${head}Transfer-Encoding: chunked\r\n\r\nx\r\n`],
    ['a chunk longer than its size', `${head}Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n`],
    ['a head without an end', `${head}${'X: y\r\n'.repeat(20_000)}`],
    ['too much', `${head}Content-Length: 1001\r\n\r\n`],
    ['too much in chunks', `${head}Transfer-Encoding: chunked\r\n\r\n3e8\r\n${'x'.repeat(1_000)}\r\n1\r\n`],
    ['too much until the end', `${head}\r\n${'x'.repeat(1_001)}`],
  ])('is %s', (_what, text) => {
    expect(() => new ResponseReader(MAX).read(Buffer.from(text))).toThrow(/answer/)
  })
})
