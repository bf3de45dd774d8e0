const NOTHING = Buffer.alloc(0)
const LINE_END = Buffer.from('\r\n')
const HEAD_END = Buffer.from('\r\n\r\n')
const MAX_HEAD_BYTES = 65_536

/** What comes next in an answer; a chunk of a body is a size, that many bytes, and the end of its line. */
type Expected = 'head' | 'bytes' | 'size' | 'end of chunk' | 'trailer' | 'whatever comes' | 'nothing'

/** Reads the answers on one HTTP/1.1 connection (RFC 9112), one after another. Throws an Error at what is none. */
export class ResponseReader {
  /** Whether the connection may be used once more; known when an answer is whole. */
  isReusable = true
  /** How long the server keeps it open meanwhile, where it says so. */
  keptMs: number | undefined
  readonly #maxBytes: number
  #expected: Expected = 'head'
  #isChunked = false
  /** Bytes of the body, or of the chunk, that have not come yet. */
  #missing = 0
  #size = 0
  #parts: Buffer[] = []
  // What has come and is not understood yet.
  #bytes: Buffer = NOTHING
  #at = 0

  /** @param maxBytes how large a body may be */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** @returns the body, once it is whole. `bytes` may be overwritten afterwards. */
  read(bytes: Buffer): string | undefined {
    this.#bytes = this.#bytes.length > 0 ? Buffer.concat([this.#bytes, bytes]) : bytes
    this.#at = 0
    const known = this.#parts.length
    while (this.#expected !== 'nothing' && this.#advance());
    if (this.#expected === 'nothing') {
      // Nothing was asked that this could be the answer to.
      if (this.#at < this.#bytes.length) this.isReusable = false
      return this.#body()
    }
    for (let index = known; index < this.#parts.length; index++) this.#parts[index] = Buffer.from(this.#parts[index]!)
    this.#bytes = this.#at < this.#bytes.length ? Buffer.from(this.#bytes.subarray(this.#at)) : NOTHING
    return undefined
  }

  /** @returns the body that the end of the connection makes whole, if there is one */
  end(): string | undefined {
    return this.#expected === 'whatever comes' ? this.#body() : undefined
  }

  #body(): string {
    const [first = NOTHING, ...others] = this.#parts
    const text = (others.length > 0 ? Buffer.concat(this.#parts, this.#size) : first).toString('utf8')
    this.#parts = []
    this.#size = 0
    this.#bytes = NOTHING
    this.#expected = 'head'
    return text
  }

  /** Takes in what comes next. @returns false when not enough of it has come */
  #advance(): boolean {
    const { length } = this.#bytes
    switch (this.#expected) {
      case 'head': {
        const head = this.#upTo(HEAD_END)
        if (head !== undefined) this.#readHead(head.toLowerCase())
        return head !== undefined
      }
      case 'bytes': {
        const count = Math.min(this.#missing, length - this.#at)
        this.#take(count)
        this.#missing -= count
        if (this.#missing > 0) return false
        this.#expected = this.#isChunked ? 'end of chunk' : 'nothing'
        return true
      }
      case 'whatever comes':
        this.#take(length - this.#at)
        return false
      default: {
        const line = this.#upTo(LINE_END)
        if (line !== undefined) this.#readLine(line)
        return line !== undefined
      }
    }
  }

  #upTo(end: Buffer): string | undefined {
    const from = this.#at
    const to = this.#bytes.indexOf(end, from)
    if (to < 0 && this.#bytes.length - from > MAX_HEAD_BYTES) throw new Error('The head of the answer is too large')
    if (to < 0) return undefined
    this.#at = to + end.length
    return this.#bytes.toString('latin1', from, to)
  }

  #take(count: number): void {
    this.#size += count
    if (this.#size > this.#maxBytes) throw new Error(`The answer is larger than ${this.#maxBytes} bytes`)
    if (count > 0) this.#parts.push(this.#bytes.subarray(this.#at, this.#at + count))
    this.#at += count
  }

  #readHead(head: string): void {
    const [, minor, status] = /^http\/1\.([01]) (\d{3})(?: |\r|$)/.exec(head) ?? []
    if (!status) throw new Error('The answer is not HTTP/1.1')
    // An interim answer has no body, and the real one follows.
    if (status.startsWith('1')) return
    this.isReusable = minor === '1' && !/\bclose\b/.test(field(head, 'connection') ?? '')
    const kept = /\btimeout=(\d+)/.exec(field(head, 'keep-alive') ?? '')?.[1]
    this.keptMs = kept === undefined ? undefined : Number(kept) * 1_000
    const length = field(head, 'content-length')
    const coding = field(head, 'transfer-encoding')
    // With two lengths, something between may have believed the other one.
    if (coding !== undefined && (coding !== 'chunked' || length !== undefined)) {
      throw new Error('It cannot be told how long the answer is')
    }
    this.#isChunked = coding !== undefined
    if (status === '204' || status === '304') this.#expected = 'nothing'
    else if (this.#isChunked) this.#expected = 'size'
    else if (length !== undefined) this.#expectBytes(length, 10)
    else {
      this.#expected = 'whatever comes'
      this.isReusable = false
    }
  }

  #readLine(line: string): void {
    if (this.#expected === 'size') {
      const [size = ''] = line.split(';', 1)
      this.#expectBytes(size.trim(), 16)
      if (this.#missing === 0) this.#expected = 'trailer'
    } else if (this.#expected === 'trailer') {
      if (line === '') this.#expected = 'nothing'
    } else {
      if (line !== '') throw new Error('A chunk of the answer is longer than it said')
      this.#expected = 'size'
    }
  }

  #expectBytes(count: string, radix: 10 | 16): void {
    const digits = radix === 10 ? /^\d{1,15}$/ : /^[\da-f]{1,12}$/i
    if (!digits.test(count)) throw new Error('It cannot be told how long the answer is')
    this.#missing = Number.parseInt(count, radix)
    if (this.#size + this.#missing > this.#maxBytes) {
      throw new Error(`The answer is larger than ${this.#maxBytes} bytes`)
    }
    this.#expected = 'bytes'
  }
}

/** The value of a header in a head in lower case. @throws Error when there are several */
function field(head: string, name: string): string | undefined {
  const start = `\r\n${name}:`
  const at = head.indexOf(start)
  if (at < 0) return undefined
  if (head.includes(start, at + start.length)) throw new Error(`The answer has several headers ${name}`)
  const end = head.indexOf('\r\n', at + start.length)
  return head.slice(at + start.length, end < 0 ? undefined : end).trim()
}
