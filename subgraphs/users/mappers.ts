export default {
  User: './tables.ts#UserRow',
  Address: './tables.ts#AddressRow',
  Session: './tables.ts#SessionRow',
  LinkedIdentity: './tables.ts#IdentityRow',
  AdminDashboard: '../../platform/period.ts#Period',
  MailingAddress: '../../platform/address.ts#Address',
}
