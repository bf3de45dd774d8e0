// What a front end asks for its two fullest pages.

/** Catalogue, the names of reviewers from another subgraph. */
export const PRODUCT_PAGE = `query ProductPage($slug: String!) {
  product(slug: $slug) {
    id slug name description brand tags attributes { name value } media { url altText }
    category { name ancestors { slug name } } rating { average count } options { name values }
    variants(first: 20) {
      nodes { id sku title selectedOptions { name value } price { amount currencyCode } availability }
    }
    related(limit: 8) { id slug name rating { average count } priceRange { min { amount currencyCode } } media { url } }
    reviews(first: 10) { nodes { id rating title body isVerifiedPurchase createdAt author { id displayName } } }
  }
}`

/** All seven subgraphs. */
export const ACCOUNT_PAGE = `query AccountPage {
  viewer {
    id displayName email
    orders(first: 10) {
      nodes {
        id number status placedAt total { amount currencyCode } financialStatus fulfillmentStatus
        lines { title quantity total { amount } variant { id product { slug name media { url } } } }
        shipments { id status trackingNumber courier { displayName } events { status message at } }
      }
    }
    tickets(first: 10) {
      nodes {
        id number subject status unreadCount order { number }
        messages(first: 20) { nodes { sequence kind body author { displayName } } }
      }
    }
    cart {
      id lines {
        id title quantity unitPrice { amount } total { amount } variant { id availability product { slug name } }
      }
      deliveryOptions { id name price { amount currencyCode } } total { amount currencyCode }
    }
    paymentMethods { id }
    wishlist(first: 10) { nodes { id product { slug name } } }
  }
}`
