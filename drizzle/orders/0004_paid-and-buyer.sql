ALTER TABLE "orders"."checkouts" ADD COLUMN "buyer" jsonb;--> statement-breakpoint
ALTER TABLE "orders"."orders" ADD COLUMN "paid_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "orders"."orders" ADD COLUMN "ready_at" timestamp (3) with time zone;--> statement-breakpoint
UPDATE "orders"."checkouts" SET "buyer" = jsonb_build_object('kind', "owner_kind", 'id', "owner_id") WHERE "attempt" > 0;--> statement-breakpoint
UPDATE "orders"."orders" o SET "paid_at" = coalesce(
  (SELECT min(e."at") FROM "orders"."order_events" e WHERE e."order_id" = o."id" AND e."kind" = 'PAID'),
  CASE WHEN o."total_minor" = 0 OR o."checkout_id" IS NULL THEN o."placed_at" END);--> statement-breakpoint
UPDATE "orders"."orders" SET "ready_at" = "paid_at";--> statement-breakpoint
ALTER TABLE "orders"."orders" ADD CONSTRAINT "orders_ready" CHECK ("orders"."orders"."ready_at" is null or "orders"."orders"."paid_at" is not null);