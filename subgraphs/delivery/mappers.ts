/** GraphQL type → what its resolvers get. */
export default {
  Shipment: './access.ts#SeenShipment',
  ShipmentLine: './tables.ts#ShipmentLineRow',
  Courier: './tables.ts#CourierRow',
  CourierPosition: './shipment.ts#Position',
  Eta: './shipment.ts#Eta',
  TrackingEvent: './tables.ts#TrackingEventRow',
  DeliveryTrackingEvent: './tracking.ts#TrackingUpdate',
  PositionUpdated: './tracking.ts#TrackingUpdate',
  EtaUpdated: './tracking.ts#TrackingUpdate',
  ShipmentStatusChanged: './tracking.ts#TrackingUpdate',
  DeliveryOption: './delivery-option.ts#DeliveryOption',
  DeliveryZone: './tables.ts#ZoneRow',
  ShippingMethod: './tables.ts#MethodRow',
}
