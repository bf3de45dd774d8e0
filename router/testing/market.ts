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
    type Statue implements Work @key(fields: "id") { id: ID! title: String! room: Room weights: [Int] parts: [Part!]! }
    type Part { name: String height: Float }
    type Frame { width: Int! height: Int material: Material }
    enum Material { WOOD GILT SECRET @inaccessible }
    type Room @key(fields: "building { code } floor") { building: Building! floor: Int! name: String }
    type Building { code: ID! }
    union Found = Painting | Statue | Room`,
  valuation: `
    type Work @key(fields: "id") @interfaceObject { id: ID! worth(currency: String = "EUR"): Int insured: Boolean! }`,
  conservation: `
    type Statue @key(fields: "id") { id: ID! parts: [Part!]! @external fragile: Boolean @requires(fields: "parts { name height }") }
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
