/** Top categories, those below, and the lowest, which products are filed in. */
export const tree: Record<string, Record<string, readonly string[]>> = {
  Clothing: {
    Tops: ['T-Shirts', 'Shirts', 'Sweaters'],
    Bottoms: ['Trousers'],
    Accessories: ['Hats', 'Scarves', 'Socks'],
  },
  Home: { Kitchen: ['Mugs', 'Bowls', 'Cookware'], Textiles: ['Towels', 'Blankets'], Decoration: ['Candles', 'Vases'] },
  Travel: { Luggage: ['Bags', 'Backpacks'], 'On the Road': ['Bottles'] },
  Pantry: { 'Hot Drinks': ['Coffee', 'Tea'] },
  Books: { 'Food and Drink': ['Cookbooks'] },
}
