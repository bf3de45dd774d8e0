CREATE TABLE "cart"."promotion_customers" (
	"promotion_id" uuid NOT NULL,
	"customer" text NOT NULL,
	"used" integer NOT NULL,
	CONSTRAINT "promotion_customers_promotion_id_customer_pk" PRIMARY KEY("promotion_id","customer"),
	CONSTRAINT "promotion_customers_used" CHECK (used >= 0)
);
--> statement-breakpoint
CREATE TABLE "cart"."promotion_uses" (
	"checkout_id" uuid NOT NULL,
	"attempt" integer NOT NULL,
	"promotion_ids" uuid[] NOT NULL,
	"customer" text,
	"counted" integer NOT NULL,
	"status" text NOT NULL,
	"order_id" uuid,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "promotion_uses_attempt" PRIMARY KEY("checkout_id","attempt"),
	CONSTRAINT "promotion_uses_status" CHECK (status in ('RESERVED', 'USED', 'RELEASED')),
	CONSTRAINT "promotion_uses_whole" CHECK (counted = cardinality(promotion_ids))
);
--> statement-breakpoint
CREATE TABLE "cart"."promotions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"name" text NOT NULL,
	"kind" text NOT NULL,
	"code" text,
	"percent_off" numeric(7, 4),
	"amount_off_minor" bigint,
	"minimum_subtotal_minor" bigint,
	"category_ids" uuid[],
	"buy_quantity" integer,
	"get_quantity" integer,
	"starts_at" timestamp (3) with time zone,
	"ends_at" timestamp (3) with time zone,
	"is_active" boolean NOT NULL,
	"usage_limit" integer,
	"usage_count" integer DEFAULT 0 NOT NULL,
	"per_customer_limit" integer,
	CONSTRAINT "promotions_kind" CHECK (kind in ('PERCENT_OFF', 'AMOUNT_OFF', 'FREE_SHIPPING', 'BUY_X_GET_Y')),
	CONSTRAINT "promotions_terms" CHECK ((kind = 'PERCENT_OFF') = (percent_off is not null) and (kind = 'AMOUNT_OFF') = (amount_off_minor is not null)
        and (kind = 'BUY_X_GET_Y') = (buy_quantity is not null) and (buy_quantity is null) = (get_quantity is null)),
	CONSTRAINT "promotions_percent" CHECK (percent_off > 0 and percent_off <= 100),
	CONSTRAINT "promotions_amounts" CHECK (amount_off_minor > 0 and minimum_subtotal_minor >= 0),
	CONSTRAINT "promotions_quantities" CHECK (buy_quantity > 0 and get_quantity > 0),
	CONSTRAINT "promotions_usage" CHECK (usage_count >= 0)
);
--> statement-breakpoint
ALTER TABLE "cart"."carts" ADD COLUMN "discount_codes" text[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "cart"."promotion_customers" ADD CONSTRAINT "promotion_customers_promotion_id_promotions_id_fk" FOREIGN KEY ("promotion_id") REFERENCES "cart"."promotions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "promotions_code" ON "cart"."promotions" USING btree (upper("code"));--> statement-breakpoint
CREATE INDEX "promotions_created_at_id_index" ON "cart"."promotions" USING btree ("created_at","id");--> statement-breakpoint
-- What checkouts were promised before there were discounts.
UPDATE "cart"."carts" SET "frozen" = "frozen" || '{"discounts": [], "discountCodes": []}' WHERE "frozen" IS NOT NULL;
