/** Title, code in the article number, and what it does to price and weight. */
export interface Choice {
  title: string
  code: string
  factor: number
}

export interface Axis {
  name: string
  choices: readonly Choice[]
}

export interface Style {
  name: string
  code: string
  priceMinor: number
}

/** Products of one kind: every style in every one of the choices. */
export interface Family {
  noun: string
  slug: string
  code: string
  category: string
  brand: string
  weightGrams: number
  axes: readonly Axis[]
  tags: readonly string[]
  about: string
  styles: readonly Style[]
  taxCategory?: string
}

const COLOURS = { Blue: 'BLU', White: 'WHT', Olive: 'OLV', Grey: 'GRY', Rust: 'RST', Black: 'BLK', Natural: 'NAT' }

export const colour = (...titles: (keyof typeof COLOURS)[]): Axis => ({
  name: 'Colour',
  choices: titles.map((title) => ({ title, code: COLOURS[title], factor: 1 })),
})

/** `Small=S; Large=L x1.5`: title, code, and the factor if it is not 1. */
export const axis = (name: string, choices: string): Axis => ({
  name,
  choices: choices.split('; ').map((choice) => {
    const [, title, code, factor = '1'] = /^(.+)=(\S+)(?: x(\S+))?$/.exec(choice)!
    return { title: title!, code: code!, factor: Number(factor) }
  }),
})

/** `Linen=LINEN 2490`: name, code, price in cents. */
export const stylesIn = (text: string): Style[] =>
  text.split('; ').map((style) => {
    const [, name, code, price] = /^(.+)=(\S+) (\d+)$/.exec(style)!
    return { name: name!, code: code!, priceMinor: Number(price) }
  })

export const sizes = axis('Size', 'S=S; M=M; L=L; XL=XL')
