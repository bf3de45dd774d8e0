import type { Sql } from 'postgres'

// A catalogue as large as one likes, made by PostgreSQL itself and always the same, for plans and for measuring.

const adjectives =
  'warm light heavy narrow wide soft firm smooth rough bright dark quiet plain folding stacking woven knitted printed washed brushed classic modern rustic slim deep flat round square tall short tiny'.split(
    ' ',
  )
const materials =
  'linen cotton wool silk leather canvas denim velvet oak walnut bamboo steel copper brass iron glass marble slate clay porcelain stoneware cork felt rattan paper wax rubber ceramic titanium'.split(
    ' ',
  )
const nouns =
  'shirt jacket scarf blanket towel cushion curtain rug lamp chair stool table shelf desk bench basket bowl plate mug teapot kettle pan knife board bottle jar vase candle clock mirror frame bag backpack wallet belt hat sock glove umbrella notebook cup'.split(
    ' ',
  )
const tags =
  'summer winter gift kitchen garden office travel kids vintage handmade organic recycled sale new outdoor bath bedroom dining reading'.split(
    ' ',
  )

/** Adds `count` products for sale with one variant each, from number `from` on. */
export async function addCrowd(sql: Sql, from: number, count: number): Promise<void> {
  const pick = (list: string, factor: number) => `(${list})[1 + (n * ${factor} + n / 7) % cardinality(${list})]`
  await sql.unsafe(
    `with numbered as (
      select n, gen_random_uuid() as id, initcap(${pick('$3::text[]', 7)} || ' ' || ${pick('$4::text[]', 11)} || ' ' ||
          ${pick('$5::text[]', 13)}) || ' ' || n as name,
        initcap(${pick('$4::text[]', 3)}) || 'werk ' || n % 17 as brand,
        array[${pick('$6::text[]', 3)}, ${pick('$6::text[]', 5)}] as tags,
        'A ' || ${pick('$3::text[]', 17)} || ' piece of ' || ${pick('$4::text[]', 19)} || ' that goes with any ' ||
          ${pick('$5::text[]', 23)} || ', made to be used for a long time.' as description,
        500 + (n * 7919) % 50000 as price
      from generate_series($1::bigint, $1::bigint + $2::bigint - 1) as n
    ), added as (
      insert into inventory.products (id, created_at, updated_at, slug, name, description, brand, tags, status, media,
        options, attributes, price_min_minor, price_max_minor, sold_recently, rating_count, rating_sum)
      select id, now() - n * interval '1 minute', now(), 'crowd-' || n, name, description, brand, tags, 'ACTIVE', '[]',
        '[]', '[]', price, price, n % 997, 1, 1 + n % 5
      from numbered
    ), documented as (
      insert into inventory.documents (product_id, status, brand, tags, words, document)
      select id, 'ACTIVE', brand, tags, lower(concat_ws(' ', name, brand, array_to_string(tags, ' '))),
        setweight(to_tsvector('english', lower(name)), 'A') || setweight(to_tsvector('english', lower(brand)), 'B')
          || setweight(to_tsvector('english', array_to_string(tags, ' ')), 'C')
          || setweight(to_tsvector('english', lower(description)), 'D')
      from numbered
    ), worded as (
      insert into inventory.words
      select distinct unnest(string_to_array(lower(concat_ws(' ', name, brand, array_to_string(tags, ' '))), ' '))
      from numbered on conflict do nothing
    )
    insert into inventory.variants (id, created_at, updated_at, product_id, sku, title, position, selected_options,
      price_minor, tax_category, weight_grams, max_order_quantity, low_stock_threshold)
    select gen_random_uuid(), now(), now(), id, 'CROWD-' || n, name, 0, '[]', price, 'standard', 100, 100, 5 from numbered`,
    [from, count, adjectives, materials, nouns, tags] as never[],
  )
}

/** Lets PostgreSQL know what it has now. */
export async function settleCrowd(sql: Sql): Promise<void> {
  for (const table of ['products', 'documents', 'words', 'variants'])
    await sql.unsafe(`vacuum analyze inventory.${table}`)
}
