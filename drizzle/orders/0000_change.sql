CREATE SEQUENCE "orders"."order_numbers" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 10001 CACHE 1;--> statement-breakpoint
CREATE TABLE "orders"."checkout_steps" (
	"checkout_id" uuid NOT NULL,
	"attempt" integer NOT NULL,
	"name" text NOT NULL,
	"status" text NOT NULL,
	"tries" integer NOT NULL,
	"started_at" timestamp (3) with time zone NOT NULL,
	"finished_at" timestamp (3) with time zone,
	"error" text,
	"result" jsonb,
	CONSTRAINT "checkout_steps_checkout_id_attempt_name_pk" PRIMARY KEY("checkout_id","attempt","name")
);
--> statement-breakpoint
CREATE TABLE "orders"."checkouts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"owner_kind" text NOT NULL,
	"owner_id" uuid NOT NULL,
	"cart_id" uuid NOT NULL,
	"status" text NOT NULL,
	"total_minor" bigint NOT NULL,
	"currency" char(3) NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"attempt" integer DEFAULT 0 NOT NULL,
	"attempt_scope" text,
	"attempt_key" text,
	"order_id" uuid,
	"placed_at" timestamp (3) with time zone,
	"expected_total_minor" bigint,
	"payment_method_id" uuid,
	"payment_token" text,
	"cart" jsonb,
	"failure" jsonb,
	"cancel_requested" boolean DEFAULT false NOT NULL,
	"lease_token" integer DEFAULT 0 NOT NULL,
	"lease_until" timestamp (3) with time zone,
	"setbacks" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "checkouts_total" CHECK ("orders"."checkouts"."total_minor" >= 0),
	CONSTRAINT "checkouts_placed" CHECK ("orders"."checkouts"."placed_at" is null or "orders"."checkouts"."status" in ('PROCESSING', 'COMPLETED', 'NEEDS_ATTENTION')),
	CONSTRAINT "checkouts_completed" CHECK ("orders"."checkouts"."status" <> 'COMPLETED' or "orders"."checkouts"."placed_at" is not null)
);
--> statement-breakpoint
CREATE TABLE "orders"."idempotency_keys" (
	"scope" text NOT NULL,
	"key" text NOT NULL,
	"request_hash" text NOT NULL,
	"reply" jsonb NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "idempotency_keys_scope_key_pk" PRIMARY KEY("scope","key")
);
--> statement-breakpoint
CREATE TABLE "orders"."inbox" (
	"reaction" text NOT NULL,
	"event_id" uuid NOT NULL,
	"handled_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "inbox_reaction_event_id_pk" PRIMARY KEY("reaction","event_id")
);
--> statement-breakpoint
CREATE TABLE "orders"."order_events" (
	"id" uuid PRIMARY KEY NOT NULL,
	"order_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"actor_id" uuid,
	"message" text
);
--> statement-breakpoint
CREATE TABLE "orders"."order_lines" (
	"id" uuid PRIMARY KEY NOT NULL,
	"order_id" uuid NOT NULL,
	"position" integer NOT NULL,
	"variant_id" uuid NOT NULL,
	"product_id" uuid NOT NULL,
	"title" text NOT NULL,
	"sku" text NOT NULL,
	"quantity" integer NOT NULL,
	"shipped_quantity" integer DEFAULT 0 NOT NULL,
	"delivered_quantity" integer DEFAULT 0 NOT NULL,
	"returned_quantity" integer DEFAULT 0 NOT NULL,
	"cancelled_quantity" integer DEFAULT 0 NOT NULL,
	"currency" char(3) NOT NULL,
	"unit_price_minor" bigint NOT NULL,
	"discount_minor" bigint NOT NULL,
	"tax_minor" bigint NOT NULL,
	"total_minor" bigint NOT NULL,
	CONSTRAINT "order_lines_orderId_position_unique" UNIQUE("order_id","position"),
	CONSTRAINT "order_lines_bought" CHECK ("orders"."order_lines"."quantity" > 0),
	CONSTRAINT "order_lines_moved" CHECK (least("orders"."order_lines"."shipped_quantity", "orders"."order_lines"."delivered_quantity", "orders"."order_lines"."returned_quantity", "orders"."order_lines"."cancelled_quantity") >= 0
        and greatest("orders"."order_lines"."shipped_quantity", "orders"."order_lines"."delivered_quantity", "orders"."order_lines"."returned_quantity", "orders"."order_lines"."cancelled_quantity") <= "orders"."order_lines"."quantity")
);
--> statement-breakpoint
CREATE TABLE "orders"."orders" (
	"id" uuid PRIMARY KEY NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"owner_kind" text NOT NULL,
	"owner_id" uuid NOT NULL,
	"number" text NOT NULL,
	"checkout_id" uuid,
	"status" text NOT NULL,
	"email" text,
	"currency" char(3) NOT NULL,
	"subtotal_minor" bigint NOT NULL,
	"discount_minor" bigint NOT NULL,
	"shipping_minor" bigint NOT NULL,
	"tax_minor" bigint NOT NULL,
	"total_minor" bigint NOT NULL,
	"tax_lines" jsonb NOT NULL,
	"shipping_address" jsonb,
	"billing_address" jsonb,
	"delivery_name" text,
	"promised_from" timestamp (3) with time zone,
	"promised_by" timestamp (3) with time zone,
	"note" text,
	"placed_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "orders_number_unique" UNIQUE("number"),
	CONSTRAINT "orders_checkoutId_unique" UNIQUE("checkout_id"),
	CONSTRAINT "orders_amounts" CHECK (least("orders"."orders"."subtotal_minor", "orders"."orders"."discount_minor", "orders"."orders"."shipping_minor", "orders"."orders"."tax_minor", "orders"."orders"."total_minor") >= 0)
);
--> statement-breakpoint
ALTER TABLE "orders"."checkout_steps" ADD CONSTRAINT "checkout_steps_checkout_id_checkouts_id_fk" FOREIGN KEY ("checkout_id") REFERENCES "orders"."checkouts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "orders"."order_events" ADD CONSTRAINT "order_events_order_id_orders_id_fk" FOREIGN KEY ("order_id") REFERENCES "orders"."orders"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "orders"."order_lines" ADD CONSTRAINT "order_lines_order_id_orders_id_fk" FOREIGN KEY ("order_id") REFERENCES "orders"."orders"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "orders"."orders" ADD CONSTRAINT "orders_checkout_id_checkouts_id_fk" FOREIGN KEY ("checkout_id") REFERENCES "orders"."checkouts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "checkouts_one_live_per_cart" ON "orders"."checkouts" USING btree ("cart_id") WHERE status not in ('COMPLETED', 'FAILED', 'EXPIRED', 'CANCELLED');--> statement-breakpoint
CREATE INDEX "checkouts_cart_id_created_at_index" ON "orders"."checkouts" USING btree ("cart_id","created_at");--> statement-breakpoint
CREATE INDEX "checkouts_owner_kind_owner_id_index" ON "orders"."checkouts" USING btree ("owner_kind","owner_id");--> statement-breakpoint
CREATE INDEX "checkouts_due" ON "orders"."checkouts" USING btree ("lease_until") WHERE status in ('PROCESSING', 'COMPENSATING');--> statement-breakpoint
CREATE INDEX "checkouts_expiring" ON "orders"."checkouts" USING btree ("expires_at") WHERE status = 'OPEN';--> statement-breakpoint
CREATE INDEX "order_events_order_id_at_id_index" ON "orders"."order_events" USING btree ("order_id","at","id");--> statement-breakpoint
CREATE INDEX "orders_owner_kind_owner_id_placed_at_id_index" ON "orders"."orders" USING btree ("owner_kind","owner_id","placed_at","id");--> statement-breakpoint
CREATE INDEX "orders_placed_at_id_index" ON "orders"."orders" USING btree ("placed_at","id");