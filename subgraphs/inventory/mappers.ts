/** GraphQL type → what its resolvers get. */
export default {
  Product: './tables.ts#ProductRow',
  ProductVariant: './tables.ts#VariantRow',
  Category: './tables.ts#CategoryRow',
  StockLocation: './tables.ts#LocationRow',
  StockLevel: './tables.ts#StockLevelRow',
  VariantStock: './tables.ts#VariantRow',
  StockMovement: './tables.ts#MovementRow',
  LowStockAlert: './tables.ts#LowStockAlertRow',
  StockReservation: './tables.ts#ReservationRow',
  StockReservationLine: './tables.ts#ReservationLineRow',
  Review: './tables.ts#ReviewRow',
  SearchResult: './search.ts#Search',
  PriceRange: './tables.ts#ProductRow',
  RatingSummary: './tables.ts#ProductRow',
}
