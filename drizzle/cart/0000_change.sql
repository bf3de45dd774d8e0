CREATE TABLE "cart"."cart_lines" (
	"id" uuid PRIMARY KEY NOT NULL,
	"cart_id" uuid NOT NULL,
	"variant_id" uuid NOT NULL,
	"quantity" integer NOT NULL,
	"product_id" uuid NOT NULL,
	"sku" text NOT NULL,
	"title" text NOT NULL,
	"unit_price_minor" bigint NOT NULL,
	"weight_grams" integer NOT NULL,
	"tax_category" text NOT NULL,
	"max_order_quantity" integer NOT NULL,
	CONSTRAINT "cart_lines_cartId_variantId_unique" UNIQUE("cart_id","variant_id"),
	CONSTRAINT "cart_lines_quantity" CHECK (quantity > 0),
	CONSTRAINT "cart_lines_price" CHECK (unit_price_minor >= 0)
);
--> statement-breakpoint
CREATE TABLE "cart"."carts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"owner_kind" text NOT NULL,
	"owner_id" uuid NOT NULL,
	"status" text DEFAULT 'ACTIVE' NOT NULL,
	"currency" char(3) NOT NULL,
	"buyer_email" text,
	"note" text,
	"shipping_address" jsonb,
	"billing_address" jsonb,
	"delivery_option" jsonb,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"checkout_id" uuid,
	"attempt" integer,
	"frozen" jsonb,
	"order_id" uuid,
	CONSTRAINT "carts_status" CHECK (status in ('ACTIVE', 'FROZEN', 'CONVERTED', 'MERGED', 'ABANDONED')),
	CONSTRAINT "carts_frozen" CHECK ((status in ('FROZEN', 'CONVERTED')) = (checkout_id is not null and attempt is not null and frozen is not null)),
	CONSTRAINT "carts_converted" CHECK ((status = 'CONVERTED') = (order_id is not null))
);
--> statement-breakpoint
CREATE TABLE "cart"."holds" (
	"checkout_id" uuid NOT NULL,
	"attempt" integer NOT NULL,
	"cart_id" uuid NOT NULL,
	"status" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "holds_checkout_id_attempt_pk" PRIMARY KEY("checkout_id","attempt"),
	CONSTRAINT "holds_status" CHECK (status in ('HELD', 'RELEASED'))
);
--> statement-breakpoint
CREATE TABLE "cart"."idempotency_keys" (
	"scope" text NOT NULL,
	"key" text NOT NULL,
	"request_hash" text NOT NULL,
	"reply" jsonb NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "idempotency_keys_scope_key_pk" PRIMARY KEY("scope","key")
);
--> statement-breakpoint
CREATE TABLE "cart"."inbox" (
	"reaction" text NOT NULL,
	"event_id" uuid NOT NULL,
	"handled_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "inbox_reaction_event_id_pk" PRIMARY KEY("reaction","event_id")
);
--> statement-breakpoint
CREATE TABLE "cart"."tax_rates" (
	"id" uuid PRIMARY KEY NOT NULL,
	"country_code" text NOT NULL,
	"region" text,
	"tax_category" text NOT NULL,
	"rate" numeric(7, 6) NOT NULL,
	"is_included_in_price" boolean NOT NULL,
	CONSTRAINT "tax_rates_countryCode_region_taxCategory_unique" UNIQUE NULLS NOT DISTINCT("country_code","region","tax_category"),
	CONSTRAINT "tax_rates_rate" CHECK (rate >= 0 and rate < 1)
);
--> statement-breakpoint
ALTER TABLE "cart"."cart_lines" ADD CONSTRAINT "cart_lines_cart_id_carts_id_fk" FOREIGN KEY ("cart_id") REFERENCES "cart"."carts"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "cart"."holds" ADD CONSTRAINT "holds_cart_id_carts_id_fk" FOREIGN KEY ("cart_id") REFERENCES "cart"."carts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "carts_current" ON "cart"."carts" USING btree ("owner_kind","owner_id") WHERE status in ('ACTIVE', 'FROZEN');--> statement-breakpoint
CREATE INDEX "carts_owner" ON "cart"."carts" USING btree ("owner_kind","owner_id");--> statement-breakpoint
CREATE INDEX "carts_expires_at_index" ON "cart"."carts" USING btree ("expires_at") WHERE status = 'ACTIVE';