CREATE TABLE "inventory"."customer_items" (
	"id" uuid PRIMARY KEY NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"user_id" uuid NOT NULL,
	"product_id" uuid NOT NULL,
	"variant_id" uuid,
	"serial_number" text,
	"acquired_at" timestamp (3) with time zone NOT NULL,
	"order_id" uuid,
	"order_line_id" uuid,
	CONSTRAINT "customer_items_order_line" UNIQUE("order_line_id"),
	CONSTRAINT "customer_items_once" UNIQUE NULLS NOT DISTINCT("user_id","product_id","variant_id","serial_number","order_line_id")
);
--> statement-breakpoint
CREATE TABLE "inventory"."low_stock_alerts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"variant_id" uuid NOT NULL,
	"location_id" uuid NOT NULL,
	"available" integer NOT NULL,
	"threshold" integer NOT NULL,
	"raised_at" timestamp (3) with time zone NOT NULL,
	"resolved_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "inventory"."quotes" (
	"symbol" text NOT NULL,
	"currency" char(3) NOT NULL,
	"amount" text NOT NULL,
	"as_of" timestamp (3) with time zone NOT NULL,
	"fetched_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "quotes_symbol_currency_pk" PRIMARY KEY("symbol","currency")
);
--> statement-breakpoint
CREATE TABLE "inventory"."restock_wishes" (
	"variant_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "restock_wishes_variant_id_user_id_pk" PRIMARY KEY("variant_id","user_id")
);
--> statement-breakpoint
CREATE TABLE "inventory"."wishlist_items" (
	"id" uuid PRIMARY KEY NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"user_id" uuid NOT NULL,
	"product_id" uuid NOT NULL,
	"variant_id" uuid,
	CONSTRAINT "wishlist_items_once" UNIQUE("user_id","product_id")
);
--> statement-breakpoint
ALTER TABLE "inventory"."reservation_lines" DROP CONSTRAINT "reservation_lines_quantity";--> statement-breakpoint
ALTER TABLE "inventory"."reservation_lines" ADD COLUMN "returned" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "inventory"."customer_items" ADD CONSTRAINT "customer_items_product_id_products_id_fk" FOREIGN KEY ("product_id") REFERENCES "inventory"."products"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "inventory"."customer_items" ADD CONSTRAINT "customer_items_variant_id_variants_id_fk" FOREIGN KEY ("variant_id") REFERENCES "inventory"."variants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "inventory"."low_stock_alerts" ADD CONSTRAINT "low_stock_alerts_variant_id_variants_id_fk" FOREIGN KEY ("variant_id") REFERENCES "inventory"."variants"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "inventory"."low_stock_alerts" ADD CONSTRAINT "low_stock_alerts_location_id_locations_id_fk" FOREIGN KEY ("location_id") REFERENCES "inventory"."locations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "inventory"."restock_wishes" ADD CONSTRAINT "restock_wishes_variant_id_variants_id_fk" FOREIGN KEY ("variant_id") REFERENCES "inventory"."variants"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "inventory"."wishlist_items" ADD CONSTRAINT "wishlist_items_product_id_products_id_fk" FOREIGN KEY ("product_id") REFERENCES "inventory"."products"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "inventory"."wishlist_items" ADD CONSTRAINT "wishlist_items_variant_id_variants_id_fk" FOREIGN KEY ("variant_id") REFERENCES "inventory"."variants"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "customer_items_user_id_acquired_at_id_index" ON "inventory"."customer_items" USING btree ("user_id","acquired_at","id");--> statement-breakpoint
CREATE INDEX "customer_items_product_id_acquired_at_id_index" ON "inventory"."customer_items" USING btree ("product_id","acquired_at","id");--> statement-breakpoint
CREATE UNIQUE INDEX "customer_items_serial_number" ON "inventory"."customer_items" USING btree ("product_id","serial_number") WHERE serial_number is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "low_stock_alerts_open" ON "inventory"."low_stock_alerts" USING btree ("variant_id","location_id") WHERE resolved_at is null;--> statement-breakpoint
CREATE INDEX "low_stock_alerts_raised_at_id_index" ON "inventory"."low_stock_alerts" USING btree ("raised_at","id");--> statement-breakpoint
CREATE INDEX "restock_wishes_user_id_index" ON "inventory"."restock_wishes" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "wishlist_items_user_id_created_at_id_index" ON "inventory"."wishlist_items" USING btree ("user_id","created_at","id");--> statement-breakpoint
CREATE INDEX "reviews_created_at_id_index" ON "inventory"."reviews" USING btree ("created_at","id") WHERE status = 'PENDING';--> statement-breakpoint
ALTER TABLE "inventory"."reservation_lines" ADD CONSTRAINT "reservation_lines_quantity" CHECK ("inventory"."reservation_lines"."quantity" > 0 and "inventory"."reservation_lines"."shipped" between 0 and "inventory"."reservation_lines"."quantity" and "inventory"."reservation_lines"."returned" between 0 and "inventory"."reservation_lines"."shipped");