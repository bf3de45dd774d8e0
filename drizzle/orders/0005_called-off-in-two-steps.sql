-- Money and goods of an order that is called off were given back in two steps, and then that was told; now they are given
-- back in one, and it is told before. Those that were under way then have that one before them, and are told here. Whoever
-- carries one out in the old way loses it.
WITH begun AS (
	UPDATE "orders"."errands" SET "step" = 1, "lease_token" = "lease_token" + 1
	WHERE "kind" = 'CANCEL' AND "status" IN ('RUNNING', 'NEEDS_ATTENTION') AND "step" > 0
	RETURNING "order_id", "data"
)
INSERT INTO "events"."outbox" ("event_id", "name", "event")
SELECT told."event_id", 'OrderCancelled', jsonb_build_object(
	'eventId', told."event_id", 'name', 'OrderCancelled', 'version', 1,
	'occurredAt', to_char(told."cancelled_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
	'requestId', uuidv7(), 'entityId', told."id", 'entityVersion', told."version",
	'owner', jsonb_build_object('kind', told."owner_kind", 'id', told."owner_id"),
	'data', jsonb_build_object(
		'checkoutId', told."checkout_id", 'number', told."number", 'email', told."email", 'reason', told."data" ->> 'reason',
		'lines', (
			SELECT jsonb_agg(jsonb_build_object(
				'orderLineId', l."id", 'variantId', l."variant_id", 'productId', l."product_id", 'title', l."title",
				'sku', l."sku", 'quantity', l."quantity"
			) ORDER BY l."position")
			FROM "orders"."order_lines" l WHERE l."order_id" = told."id"
		)
	)
)
FROM (SELECT uuidv7() AS "event_id", begun."data", o.* FROM begun JOIN "orders"."orders" o ON o."id" = begun."order_id") told;
