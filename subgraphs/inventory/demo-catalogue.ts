/** What the demo shop sells, as families of products: every style in every one of its choices. */

/** Slug, name, and what is below. */
export type Branch = readonly [slug: string, name: string, below?: readonly Branch[]]

export const tree: readonly Branch[] = [
  [
    'clothing',
    'Clothing',
    [
      [
        'tops',
        'Tops',
        [
          ['t-shirts', 'T-Shirts'],
          ['shirts', 'Shirts'],
          ['sweaters', 'Sweaters'],
        ],
      ],
      ['bottoms', 'Bottoms', [['trousers', 'Trousers']]],
      [
        'accessories',
        'Accessories',
        [
          ['hats', 'Hats'],
          ['scarves', 'Scarves'],
          ['socks', 'Socks'],
        ],
      ],
    ],
  ],
  [
    'home',
    'Home',
    [
      [
        'kitchen',
        'Kitchen',
        [
          ['mugs', 'Mugs'],
          ['bowls', 'Bowls'],
          ['cookware', 'Cookware'],
        ],
      ],
      [
        'textiles',
        'Textiles',
        [
          ['towels', 'Towels'],
          ['blankets', 'Blankets'],
        ],
      ],
      [
        'decoration',
        'Decoration',
        [
          ['candles', 'Candles'],
          ['vases', 'Vases'],
        ],
      ],
    ],
  ],
  [
    'travel',
    'Travel',
    [
      [
        'luggage',
        'Luggage',
        [
          ['bags', 'Bags'],
          ['backpacks', 'Backpacks'],
        ],
      ],
      ['on-the-road', 'On the Road', [['bottles', 'Bottles']]],
    ],
  ],
  [
    'pantry',
    'Pantry',
    [
      [
        'hot-drinks',
        'Hot Drinks',
        [
          ['coffee', 'Coffee'],
          ['tea', 'Tea'],
        ],
      ],
    ],
  ],
  ['books', 'Books', [['food-and-drink', 'Food and Drink', [['cookbooks', 'Cookbooks']]]]],
]

/** Title, code in the article number, and what it does to price and weight. */
export type Choice = readonly [title: string, code: string, factor?: number]

export interface Axis {
  name: string
  choices: readonly Choice[]
}

/** Name, slug, code, and price in cents of one unit. */
export type Style = readonly [name: string, slug: string, code: string, priceMinor: number]

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

const colour = (...choices: readonly Choice[]): Axis => ({ name: 'Colour', choices })
const sizes: Axis = {
  name: 'Size',
  choices: [
    ['S', 'S'],
    ['M', 'M'],
    ['L', 'L'],
    ['XL', 'XL'],
  ],
}
const blue: Choice = ['Blue', 'BLU']
const white: Choice = ['White', 'WHT']
const black: Choice = ['Black', 'BLK']
const grey: Choice = ['Grey', 'GRY']
const olive: Choice = ['Olive', 'OLV']
const natural: Choice = ['Natural', 'NAT']
const rust: Choice = ['Rust', 'RST']

export const families: readonly Family[] = [
  {
    noun: 'T-Shirt',
    slug: 'tee',
    code: 'TEE',
    category: 't-shirts',
    brand: 'Halm & Faden',
    weightGrams: 180,
    axes: [colour(blue, white), sizes],
    tags: ['summer', 'everyday'],
    about: 'Cut straight, sewn in Portugal, and softer with every wash.',
    styles: [
      ['Linen', 'linen', 'LINEN', 2490],
      ['Organic Cotton', 'organic-cotton', 'COTTON', 1990],
      ['Striped', 'striped', 'STRIPE', 2290],
      ['Merino', 'merino', 'MERINO', 4990],
    ],
  },
  {
    noun: 'Shirt',
    slug: 'shirt',
    code: 'SHI',
    category: 'shirts',
    brand: 'Halm & Faden',
    weightGrams: 260,
    axes: [colour(white, olive), sizes],
    tags: ['office'],
    about: 'With a small collar and buttons of shell; looks right ironed and not.',
    styles: [
      ['Oxford', 'oxford', 'OXFORD', 5990],
      ['Flannel', 'flannel', 'FLANNEL', 6490],
      ['Poplin', 'poplin', 'POPLIN', 5490],
    ],
  },
  {
    noun: 'Sweater',
    slug: 'sweater',
    code: 'SWE',
    category: 'sweaters',
    brand: 'Nordlicht',
    weightGrams: 520,
    axes: [colour(grey, rust), sizes],
    tags: ['winter', 'warm'],
    about: 'Knitted in one piece, so that no seam rubs.',
    styles: [
      ['Lambswool', 'lambswool', 'LAMB', 8990],
      ['Cashmere', 'cashmere', 'CASH', 14900],
      ['Cable-Knit', 'cable-knit', 'CABLE', 9990],
    ],
  },
  {
    noun: 'Trousers',
    slug: 'trousers',
    code: 'TRO',
    category: 'trousers',
    brand: 'Werkstatt',
    weightGrams: 600,
    axes: [colour(black, olive), sizes],
    tags: ['everyday'],
    about: 'Room at the knee, five pockets, and a hem you can let down.',
    styles: [
      ['Corduroy', 'corduroy', 'CORD', 7990],
      ['Canvas', 'canvas', 'CANVAS', 7490],
      ['Chino', 'chino', 'CHINO', 6990],
    ],
  },
  {
    noun: 'Hat',
    slug: 'hat',
    code: 'HAT',
    category: 'hats',
    brand: 'Nordlicht',
    weightGrams: 110,
    axes: [colour(black, rust)],
    tags: ['winter'],
    about: 'Covers the ears and fits into a coat pocket.',
    styles: [
      ['Beanie', 'beanie', 'BEANIE', 2490],
      ['Felt', 'felt', 'FELT', 4990],
      ['Straw', 'straw', 'STRAW', 3490],
      ['Bucket', 'bucket', 'BUCKET', 2990],
    ],
  },
  {
    noun: 'Scarf',
    slug: 'scarf',
    code: 'SCA',
    category: 'scarves',
    brand: 'Nordlicht',
    weightGrams: 220,
    axes: [colour(grey, blue)],
    tags: ['winter', 'gift'],
    about: 'Two metres long and woven on an old loom near Chemnitz.',
    styles: [
      ['Alpaca', 'alpaca', 'ALPACA', 5990],
      ['Silk', 'silk', 'SILK', 6990],
      ['Chequered', 'chequered', 'CHECK', 3990],
    ],
  },
  {
    noun: 'Socks',
    slug: 'socks',
    code: 'SOC',
    category: 'socks',
    brand: 'Halm & Faden',
    weightGrams: 80,
    axes: [
      {
        name: 'Size',
        choices: [
          ['36–40', 'S'],
          ['41–46', 'L'],
        ],
      },
    ],
    tags: ['everyday', 'gift'],
    about: 'A pair with a flat toe seam.',
    styles: [
      ['Hiking', 'hiking', 'HIKE', 1790],
      ['Bamboo', 'bamboo', 'BAMBOO', 1290],
      ['Wool', 'wool', 'WOOL', 1690],
      ['Dotted', 'dotted', 'DOT', 1190],
    ],
  },
  {
    noun: 'Mug',
    slug: 'mug',
    code: 'MUG',
    category: 'mugs',
    brand: 'Tonwerk',
    weightGrams: 400,
    axes: [colour(grey, white, blue)],
    tags: ['kitchen', 'gift'],
    about: 'Holds 350 ml, keeps warm, and goes into the dishwasher.',
    styles: [
      ['Stoneware', 'stoneware', 'STONE', 1450],
      ['Enamel', 'enamel', 'ENAMEL', 1290],
      ['Porcelain', 'porcelain', 'PORC', 1690],
      ['Speckled', 'speckled', 'SPECK', 1590],
    ],
  },
  {
    noun: 'Bowl',
    slug: 'bowl',
    code: 'BOW',
    category: 'bowls',
    brand: 'Tonwerk',
    weightGrams: 650,
    axes: [
      {
        name: 'Size',
        choices: [
          ['Small', 'S'],
          ['Large', 'L', 1.5],
        ],
      },
    ],
    tags: ['kitchen'],
    about: 'Turned by hand, glazed inside and out.',
    styles: [
      ['Stoneware', 'stoneware', 'STONE', 1890],
      ['Olive Wood', 'olive-wood', 'OLIVE', 3490],
      ['Ramen', 'ramen', 'RAMEN', 2290],
      ['Cereal', 'cereal', 'CEREAL', 1690],
    ],
  },
  {
    noun: 'Pan',
    slug: 'pan',
    code: 'PAN',
    category: 'cookware',
    brand: 'Eisenhut',
    weightGrams: 1600,
    axes: [
      {
        name: 'Diameter',
        choices: [
          ['24 cm', '24'],
          ['28 cm', '28', 1.25],
        ],
      },
    ],
    tags: ['kitchen'],
    about: 'For every stove, induction too; gets better with use.',
    styles: [
      ['Cast Iron', 'cast-iron', 'IRON', 5990],
      ['Carbon Steel', 'carbon-steel', 'STEEL', 4990],
      ['Copper', 'copper', 'COPPER', 12900],
    ],
  },
  {
    noun: 'Towel',
    slug: 'towel',
    code: 'TOW',
    category: 'towels',
    brand: 'Weberei Sand',
    weightGrams: 450,
    axes: [
      {
        name: 'Size',
        choices: [
          ['Hand', 'H'],
          ['Bath', 'B', 1.8],
        ],
      },
    ],
    tags: ['bath'],
    about: 'Thirsty from the first day and dry by the next morning.',
    styles: [
      ['Waffle', 'waffle', 'WAFFLE', 1690],
      ['Terry', 'terry', 'TERRY', 1490],
      ['Hammam', 'hammam', 'HAMMAM', 1990],
    ],
  },
  {
    noun: 'Blanket',
    slug: 'blanket',
    code: 'BLA',
    category: 'blankets',
    brand: 'Weberei Sand',
    weightGrams: 1200,
    axes: [colour(grey, rust)],
    tags: ['winter', 'warm', 'gift'],
    about: 'Large enough for two on a sofa.',
    styles: [
      ['Wool', 'wool', 'WOOL', 8990],
      ['Cotton', 'cotton', 'COTTON', 5990],
      ['Picnic', 'picnic', 'PICNIC', 4990],
    ],
  },
  {
    noun: 'Candle',
    slug: 'candle',
    code: 'CAN',
    category: 'candles',
    brand: 'Wachs & Docht',
    weightGrams: 300,
    axes: [
      {
        name: 'Size',
        choices: [
          ['Small', 'S'],
          ['Large', 'L', 1.7],
        ],
      },
    ],
    tags: ['gift'],
    about: 'Poured from rapeseed wax; burns for forty hours.',
    styles: [
      ['Cedar', 'cedar', 'CEDAR', 1890],
      ['Fig', 'fig', 'FIG', 1890],
      ['Beeswax', 'beeswax', 'BEES', 1490],
      ['Lavender', 'lavender', 'LAV', 1790],
    ],
  },
  {
    noun: 'Vase',
    slug: 'vase',
    code: 'VAS',
    category: 'vases',
    brand: 'Tonwerk',
    weightGrams: 900,
    axes: [colour(white, rust)],
    tags: ['decoration'],
    about: 'Stands safely, even with long stems.',
    styles: [
      ['Bud', 'bud', 'BUD', 1990],
      ['Glass', 'glass', 'GLASS', 2990],
      ['Terracotta', 'terracotta', 'TERRA', 2490],
    ],
  },
  {
    noun: 'Bag',
    slug: 'bag',
    code: 'BAG',
    category: 'bags',
    brand: 'Werkstatt',
    weightGrams: 520,
    axes: [colour(natural, black)],
    tags: ['travel', 'everyday'],
    about: 'With two inner pockets and a strap that does not slip.',
    styles: [
      ['Canvas', 'canvas', 'CANVAS', 3900],
      ['Leather', 'leather', 'LEATHER', 18900],
      ['Messenger', 'messenger', 'MESS', 8900],
      ['Weekend', 'weekend', 'WEEK', 11900],
    ],
  },
  {
    noun: 'Backpack',
    slug: 'backpack',
    code: 'BPK',
    category: 'backpacks',
    brand: 'Werkstatt',
    weightGrams: 980,
    axes: [colour(olive, black)],
    tags: ['travel', 'outdoor'],
    about: 'Carries 20 litres, keeps rain out, and has a sleeve for a laptop.',
    styles: [
      ['Roll-Top', 'roll-top', 'ROLL', 8990],
      ['Commuter', 'commuter', 'COMM', 9990],
      ['Day', 'day', 'DAY', 6990],
    ],
  },
  {
    noun: 'Bottle',
    slug: 'bottle',
    code: 'BOT',
    category: 'bottles',
    brand: 'Eisenhut',
    weightGrams: 350,
    axes: [
      {
        name: 'Volume',
        choices: [
          ['500 ml', '500'],
          ['750 ml', '750', 1.2],
        ],
      },
    ],
    tags: ['travel', 'outdoor'],
    about: 'Does not leak, does not taste of anything, and fits a bicycle.',
    styles: [
      ['Steel', 'steel', 'STEEL', 2490],
      ['Insulated', 'insulated', 'INSUL', 3290],
      ['Glass', 'glass', 'GLASS', 1990],
    ],
  },
  {
    noun: 'Coffee',
    slug: 'coffee',
    code: 'COF',
    category: 'coffee',
    brand: 'Rösterei Elbe',
    weightGrams: 270,
    taxCategory: 'food',
    axes: [
      {
        name: 'Weight',
        choices: [
          ['250 g', '250'],
          ['1 kg', '1000', 3.5],
        ],
      },
    ],
    tags: ['breakfast'],
    about: 'Whole beans, roasted slowly every Tuesday.',
    styles: [
      ['Ethiopia', 'ethiopia', 'ETH', 990],
      ['Colombia', 'colombia', 'COL', 890],
      ['Espresso', 'espresso', 'ESP', 850],
      ['Decaf', 'decaf', 'DECAF', 950],
    ],
  },
  {
    noun: 'Tea',
    slug: 'tea',
    code: 'TEA',
    category: 'tea',
    brand: 'Rösterei Elbe',
    weightGrams: 120,
    taxCategory: 'food',
    axes: [
      {
        name: 'Weight',
        choices: [
          ['100 g', '100'],
          ['250 g', '250', 2.2],
        ],
      },
    ],
    tags: ['breakfast', 'gift'],
    about: 'Loose leaves from a single garden.',
    styles: [
      ['Assam', 'assam', 'ASSAM', 790],
      ['Sencha', 'sencha', 'SENCHA', 1190],
      ['Rooibos', 'rooibos', 'ROOI', 690],
    ],
  },
  {
    noun: 'Cookbook',
    slug: 'cookbook',
    code: 'BOO',
    category: 'cookbooks',
    brand: 'Küchenverlag',
    weightGrams: 800,
    taxCategory: 'books',
    axes: [
      {
        name: 'Binding',
        choices: [
          ['Paperback', 'PB'],
          ['Hardcover', 'HC', 1.5],
        ],
      },
    ],
    tags: ['gift'],
    about: 'A hundred recipes that work the first time.',
    styles: [
      ['Bread', 'bread', 'BREAD', 1990],
      ['Vegetable', 'vegetable', 'VEG', 2190],
      ['Soup', 'soup', 'SOUP', 1890],
    ],
  },
]
