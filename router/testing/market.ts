/** The subgraphs of the usual gateway benchmark. */
export const market = {
  accounts: `
    type Query { me: User user(id: ID!): User users: [User] }
    type User @key(fields: "id") { id: ID! name: String username: String @shareable birthday: Int }`,
  products: `
    type Query { topProducts(first: Int = 5): [Product] }
    type Product @key(fields: "upc") { upc: String! name: String price: Int weight: Int }`,
  inventory: `
    type Product @key(fields: "upc") {
      upc: String! weight: Int @external price: Int @external inStock: Boolean
      shippingEstimate: Int @requires(fields: "price weight")
    }`,
  reviews: `
    type Query { topReviews: [Review] }
    type Review @key(fields: "id") { id: ID! body: String author: User @provides(fields: "username") product: Product }
    type User @key(fields: "id") { id: ID! username: String @external reviews: [Review] }
    type Product @key(fields: "upc") { upc: String! reviews: [Review] }`,
}

/** Subgraphs with what is rare: interfaces and unions of entities, compound and several keys, nested `@requires`. */
export const museum = {
  collection: `
    type Query { works(first: Int = 3): [Work!]! work(id: ID!): Work anything: [Found] highlight: Painting }
    interface Work @key(fields: "id") { id: ID! title: String! room: Room }
    type Painting implements Work @key(fields: "id") @key(fields: "signature") {
      id: ID! signature: String! title: String! room: Room frame: Frame! colours: [[String!]!]
    }
    type Statue implements Work @key(fields: "id") { id: ID! title: String! room: Room weights: [Int] weight(unit: String!): Int parts: [Part!]! }
    type Part { name: String height: Float }
    type Frame { width: Int! height: Int material: Material }
    enum Material { WOOD GILT SECRET @inaccessible }
    type Room @key(fields: "building { code } floor") { building: Building! floor: Int! name: String }
    type Building { code: ID! }
    union Found = Painting | Statue | Room`,
  valuation: `
    type Work @key(fields: "id") @interfaceObject { id: ID! worth(currency: String = "EUR"): Int insured: Boolean! }`,
  conservation: `
    type Statue @key(fields: "id") {
      id: ID! parts: [Part!]! @external fragile: Boolean @requires(fields: "parts { name height }")
      weight(unit: String!): Int @external crane: Boolean @requires(fields: "weight(unit: \\"t\\")")
    }
    type Part { name: String @external height: Float @external }`,
  guides: `
    type Query { guides: [Guide] }
    type Guide @key(fields: "id") { id: ID! name: String knows: [Painting] at: Room }
    type Painting @key(fields: "signature") { signature: String! guides: [Guide!] frame: Frame! @external light: Int @requires(fields: "frame { width material }") }
    type Frame { width: Int! @external material: Material @external }
    enum Material { WOOD GILT SECRET @inaccessible }
    type Room @key(fields: "building { code } floor") { building: Building! floor: Int! guides: [Guide] }
    type Building @shareable { code: ID! }`,
}

/** Subgraphs that share what they do not quite agree on: roots, members of unions, values of enums, nullability. */
export const fair = {
  tents: `
    type Query { tents: [Tent!]! @shareable stall(id: ID!): Stall act: Act @shareable newest: Sold latest: Event }
    type Tent @key(fields: "id") @shareable { id: ID! name: String! opens: Hour stalls: [Stall] @provides(fields: "owner { name }") }
    type Stall @key(fields: "id") { id: ID! owner: Person sells: [Sold!] size: Size! }
    type Person @key(fields: "id") { id: ID! name: String! @external }
    type Size @shareable { width: Int! depth: Int }
    union Act = Juggler | Singer
    type Juggler @key(fields: "id") { id: ID! balls: Int }
    type Singer @key(fields: "id") { id: ID! songs: [String!] @shareable }
    union Sold = Bread | Toy
    type Bread @key(fields: "id") { id: ID! loaf: Int! price: Int @shareable }
    type Toy @shareable { name: String price: Int }
    enum Hour { DAY EVENING }
    interface Event { id: ID! at: Tent }
    type Opening implements Event @key(fields: "id") { id: ID! at: Tent hour: Hour }
    type Closing implements Event @key(fields: "id") { id: ID! at: Tent }`,
  people: `
    type Query { tents: [Tent!]! @shareable people: [Person!] act: Act @shareable }
    type Tent @key(fields: "id") @shareable { id: ID! name: String! opens: Hour }
    type Person @key(fields: "id") @key(fields: "passport { number country }") {
      id: ID! passport: Passport! name: String! @shareable visits: [Tent] plays: Act friend: Person
    }
    type Passport { number: ID! country: String! }
    union Act = Singer | Dancer
    type Singer @key(fields: "id") { id: ID! songs: [String!] @shareable fans: [Person!]! }
    type Dancer @key(fields: "id") { id: ID! partner: Dancer }
    enum Hour { DAY EVENING }`,
  bakery: `
    type Query { ovens: [Oven] cheapest: Sold }
    type Oven { bread: Bread heat: Int }
    union Sold = Bread | Cake | Toy
    type Bread @key(fields: "id") { id: ID! loaf: Int! @override(from: "tents") price: Int @shareable weight: Int }
    type Cake { layers: [Layer!]! }
    type Layer { of: String size: Size }
    type Size @shareable { width: Int! depth: Int }
    type Stall @key(fields: "id") { id: ID! oven: Oven size: Size! @external area: Int @requires(fields: "size { width depth }")
      worth(of: Int): Int @requires(fields: "sells { ... on Bread { price } ... on Toy { price } }") sells: [Sold!] @external }
    type Toy @shareable { name: String price: Int }`,
}
