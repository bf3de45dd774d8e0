import { demoId, uuidv7 } from '#platform/ids.ts'
import type { Viewer } from '#platform/viewer.ts'
import { openParts } from '../../tests/setup/parts.ts'
import { aService, staffWith } from '../../tests/setup/viewers.ts'
import { demoLocations } from './demo-stock.ts'
import { locations, products, variants } from './tables.ts'

// What the specifications of stock have in common: an empty shop with two warehouses, and the commands on its stock.

export const berlin = demoId('location/berlin')
export const hamburg = demoId('location/hamburg')
/** With so many units or fewer, `aVariant` is low on stock. */
export const THRESHOLD = 5
export const keeper = staffWith('inventory:read', 'inventory:manage')

export const RESERVE = `mutation ($input: StockReserveInput!) { stockReserve(input: $input) {
  stockReservation { checkoutId status expiresAt lines { quantity location { id } variant { id } } } isReplay
  userErrors { code field ... on InsufficientStockError { requested available variant { id } }
    ... on StateTransitionError { fromState toState } }
} }`
const command = (name: string, type: string) => `mutation ($input: ${type}!) { ${name}(input: $input) {
  stockReservation { status lines { quantity location { id } } } isReplay
  userErrors { code field ... on StateTransitionError { fromState toState } ... on InsufficientStockError { available } }
} }`
export const COMMIT = command('stockCommit', 'StockCommitInput')
export const RELEASE = command('stockRelease', 'StockReleaseInput')
export const EXTEND = command('stockReservationExtend', 'StockReservationExtendInput')
export const SHIP = `mutation ($input: StockShipInput!) { stockShip(input: $input) {
  ok isReplay userErrors { code field ... on StateTransitionError { fromState } }
} }`
export const RESTOCK = `mutation ($input: StockRestockInput!) { stockRestock(input: $input) {
  productVariant { id stock { onHand available } } stockMovement { kind quantity reason actor { id } location { id } }
  isReplay userErrors { code field }
} }`
export const ADJUST = `mutation ($input: StockAdjustInput!) { stockAdjust(input: $input) {
  movements { kind quantity } isReplay
  userErrors { code field ... on InsufficientStockError { requested available variant { id } } }
} }`
export const RETURN = `mutation ($input: StockReturnInput!) { stockReturn(input: $input) {
  ok isReplay userErrors { code field ... on StateTransitionError { fromState } }
} }`
const booking = (name: string, type: string) => `mutation ($input: ${type}!) { ${name}(input: $input) {
  movements { kind quantity reason actor { id } location { id } } isReplay
  userErrors { code field ... on InsufficientStockError { requested available variant { id } } }
} }`
export const SET = booking('stockSet', 'StockSetInput')
export const TRANSFER = booking('stockTransfer', 'StockTransferInput')
const STOCK = `query ($id: ID) { productVariant(id: $id) { stock { onHand reserved committed available } } }`

/** An empty shop with two warehouses. */
export async function openWarehouse() {
  const shop = await openParts(['inventory'])
  const { db } = shop.part('inventory').ownContext()
  await db.insert(locations).values(demoLocations(new Date()))

  /** Carries out a command, as orders unless somebody else is named, under a new key unless one is given. */
  const run = async (query: string, input: object, viewer: Viewer = aService('orders')) =>
    Object.values(await shop.ask('inventory', viewer, query, { input: { idempotencyKey: uuidv7(), ...input } }))[0]

  const stockOf = async (id: string) => (await shop.ask('inventory', keeper, STOCK, { id })).productVariant.stock

  const reserve = (lines: [string, number][], more: object = {}) =>
    run(RESERVE, {
      checkoutId: uuidv7(),
      attempt: 1,
      lines: lines.map(([variantId, quantity]) => ({ variantId, quantity })),
      ...more,
    })

  /** A variant for sale with units in Berlin and Hamburg. */
  async function aVariant(inBerlin = 10, inHamburg = 0): Promise<string> {
    const at = new Date()
    const id = uuidv7()
    const times = { createdAt: at, updatedAt: at }
    await db.insert(products).values({
      id,
      slug: id,
      name: 'Shirt',
      tags: [],
      status: 'ACTIVE',
      media: [],
      options: [],
      attributes: [],
      ...times,
    })
    await db.insert(variants).values({
      id,
      productId: id,
      sku: id,
      title: 'Blue',
      position: 0,
      selectedOptions: [],
      priceMinor: 1000,
      taxCategory: 'standard',
      weightGrams: 1,
      maxOrderQuantity: 100,
      lowStockThreshold: THRESHOLD,
      ...times,
    })
    if (inBerlin) await run(RESTOCK, { variantId: id, locationId: berlin, quantity: inBerlin }, keeper)
    if (inHamburg) await run(RESTOCK, { variantId: id, locationId: hamburg, quantity: inHamburg }, keeper)
    return id
  }

  /** Another location. Orders are filled from it unless told otherwise. */
  async function aLocation(priority: number, isActive = true): Promise<string> {
    const [demo] = demoLocations(new Date())
    const id = uuidv7()
    await db.insert(locations).values({ ...demo!, id, name: id, priority, isActive })
    return id
  }

  return { shop, db, aLocation, run, stockOf, reserve, aVariant, ownContext: () => shop.part('inventory').ownContext() }
}
