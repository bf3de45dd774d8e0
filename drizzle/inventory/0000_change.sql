CREATE TABLE "inventory"."categories" (
	"id" uuid PRIMARY KEY NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"slug" text NOT NULL,
	"name" text NOT NULL,
	"parent_id" uuid,
	"path" uuid[] NOT NULL,
	CONSTRAINT "categories_slug_unique" UNIQUE("slug")
);
--> statement-breakpoint
CREATE TABLE "inventory"."documents" (
	"product_id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"words" text NOT NULL,
	"body" text NOT NULL,
	"document" "tsvector" GENERATED ALWAYS AS (setweight(to_tsvector('english', name), 'A') || setweight(to_tsvector('english', words), 'B') || setweight(to_tsvector('english', body), 'C')) STORED NOT NULL
);
--> statement-breakpoint
CREATE TABLE "inventory"."idempotency_keys" (
	"scope" text NOT NULL,
	"key" text NOT NULL,
	"request_hash" text NOT NULL,
	"reply" jsonb NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "idempotency_keys_scope_key_pk" PRIMARY KEY("scope","key")
);
--> statement-breakpoint
CREATE TABLE "inventory"."locations" (
	"id" uuid PRIMARY KEY NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"name" text NOT NULL,
	"address" jsonb NOT NULL,
	"priority" integer NOT NULL,
	"is_active" boolean NOT NULL,
	CONSTRAINT "locations_name_unique" UNIQUE("name")
);
--> statement-breakpoint
CREATE TABLE "inventory"."movements" (
	"id" uuid PRIMARY KEY NOT NULL,
	"variant_id" uuid NOT NULL,
	"location_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"quantity" integer NOT NULL,
	"reason" text,
	"reference" uuid,
	"actor_id" uuid,
	"at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "movements_quantity" CHECK ("inventory"."movements"."quantity" <> 0)
);
--> statement-breakpoint
CREATE TABLE "inventory"."products" (
	"id" uuid PRIMARY KEY NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"slug" text NOT NULL,
	"name" text NOT NULL,
	"description" text,
	"brand" text,
	"tags" text[] NOT NULL,
	"status" text NOT NULL,
	"category_id" uuid,
	"media" jsonb NOT NULL,
	"options" jsonb NOT NULL,
	"attributes" jsonb NOT NULL,
	"price_min_minor" bigint,
	"price_max_minor" bigint,
	"rating_sum" integer DEFAULT 0 NOT NULL,
	"rating_count" integer DEFAULT 0 NOT NULL,
	"rating_average" double precision GENERATED ALWAYS AS (case when rating_count = 0 then 0 else rating_sum::float8 / rating_count end) STORED NOT NULL,
	"sold_recently" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "products_slug_unique" UNIQUE("slug"),
	CONSTRAINT "products_rating" CHECK ("inventory"."products"."rating_count" >= 0 and "inventory"."products"."rating_sum" between "inventory"."products"."rating_count" and 5 * "inventory"."products"."rating_count")
);
--> statement-breakpoint
CREATE TABLE "inventory"."purchases" (
	"user_id" uuid NOT NULL,
	"product_id" uuid NOT NULL,
	CONSTRAINT "purchases_user_id_product_id_pk" PRIMARY KEY("user_id","product_id")
);
--> statement-breakpoint
CREATE TABLE "inventory"."reservation_lines" (
	"reservation_id" uuid NOT NULL,
	"variant_id" uuid NOT NULL,
	"location_id" uuid NOT NULL,
	"quantity" integer NOT NULL,
	"shipped" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "reservation_lines_reservation_id_variant_id_location_id_pk" PRIMARY KEY("reservation_id","variant_id","location_id"),
	CONSTRAINT "reservation_lines_quantity" CHECK ("inventory"."reservation_lines"."quantity" > 0 and "inventory"."reservation_lines"."shipped" between 0 and "inventory"."reservation_lines"."quantity")
);
--> statement-breakpoint
CREATE TABLE "inventory"."reservations" (
	"id" uuid PRIMARY KEY NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"checkout_id" uuid NOT NULL,
	"attempt" integer NOT NULL,
	"status" text NOT NULL,
	"order_id" uuid,
	"expires_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "reservations_attempt" UNIQUE("checkout_id","attempt"),
	CONSTRAINT "reservations_order" CHECK ("inventory"."reservations"."status" <> 'COMMITTED' or "inventory"."reservations"."order_id" is not null)
);
--> statement-breakpoint
CREATE TABLE "inventory"."reviews" (
	"id" uuid PRIMARY KEY NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"product_id" uuid NOT NULL,
	"author_id" uuid NOT NULL,
	"rating" integer NOT NULL,
	"title" text,
	"body" text,
	"status" text NOT NULL,
	"is_verified_purchase" boolean NOT NULL,
	CONSTRAINT "reviews_once" UNIQUE("product_id","author_id"),
	CONSTRAINT "reviews_rating" CHECK ("inventory"."reviews"."rating" between 1 and 5)
);
--> statement-breakpoint
CREATE TABLE "inventory"."stock_levels" (
	"variant_id" uuid NOT NULL,
	"location_id" uuid NOT NULL,
	"on_hand" integer DEFAULT 0 NOT NULL,
	"reserved" integer DEFAULT 0 NOT NULL,
	"committed" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "stock_levels_variant_id_location_id_pk" PRIMARY KEY("variant_id","location_id"),
	CONSTRAINT "stock_levels_on_hand" CHECK ("inventory"."stock_levels"."on_hand" >= 0),
	CONSTRAINT "stock_levels_reserved" CHECK ("inventory"."stock_levels"."reserved" >= 0),
	CONSTRAINT "stock_levels_committed" CHECK ("inventory"."stock_levels"."committed" >= 0),
	CONSTRAINT "stock_levels_available" CHECK ("inventory"."stock_levels"."on_hand" - "inventory"."stock_levels"."committed" - "inventory"."stock_levels"."reserved" >= 0)
);
--> statement-breakpoint
CREATE TABLE "inventory"."variants" (
	"id" uuid PRIMARY KEY NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"product_id" uuid NOT NULL,
	"sku" text NOT NULL,
	"title" text NOT NULL,
	"position" integer NOT NULL,
	"selected_options" jsonb NOT NULL,
	"price_minor" bigint NOT NULL,
	"compare_at_minor" bigint,
	"tax_category" text NOT NULL,
	"weight_grams" integer NOT NULL,
	"max_order_quantity" integer NOT NULL,
	"low_stock_threshold" integer NOT NULL,
	CONSTRAINT "variants_sku_unique" UNIQUE("sku"),
	CONSTRAINT "variants_price" CHECK ("inventory"."variants"."price_minor" >= 0 and "inventory"."variants"."weight_grams" >= 0 and "inventory"."variants"."max_order_quantity" > 0)
);
--> statement-breakpoint
CREATE TABLE "inventory"."words" (
	"word" text PRIMARY KEY NOT NULL
);
--> statement-breakpoint
ALTER TABLE "inventory"."documents" ADD CONSTRAINT "documents_product_id_products_id_fk" FOREIGN KEY ("product_id") REFERENCES "inventory"."products"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "inventory"."movements" ADD CONSTRAINT "movements_variant_id_variants_id_fk" FOREIGN KEY ("variant_id") REFERENCES "inventory"."variants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "inventory"."movements" ADD CONSTRAINT "movements_location_id_locations_id_fk" FOREIGN KEY ("location_id") REFERENCES "inventory"."locations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "inventory"."products" ADD CONSTRAINT "products_category_id_categories_id_fk" FOREIGN KEY ("category_id") REFERENCES "inventory"."categories"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "inventory"."reservation_lines" ADD CONSTRAINT "reservation_lines_reservation_id_reservations_id_fk" FOREIGN KEY ("reservation_id") REFERENCES "inventory"."reservations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "inventory"."reservation_lines" ADD CONSTRAINT "reservation_lines_variant_id_variants_id_fk" FOREIGN KEY ("variant_id") REFERENCES "inventory"."variants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "inventory"."reservation_lines" ADD CONSTRAINT "reservation_lines_location_id_locations_id_fk" FOREIGN KEY ("location_id") REFERENCES "inventory"."locations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "inventory"."reviews" ADD CONSTRAINT "reviews_product_id_products_id_fk" FOREIGN KEY ("product_id") REFERENCES "inventory"."products"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "inventory"."stock_levels" ADD CONSTRAINT "stock_levels_variant_id_variants_id_fk" FOREIGN KEY ("variant_id") REFERENCES "inventory"."variants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "inventory"."stock_levels" ADD CONSTRAINT "stock_levels_location_id_locations_id_fk" FOREIGN KEY ("location_id") REFERENCES "inventory"."locations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "inventory"."variants" ADD CONSTRAINT "variants_product_id_products_id_fk" FOREIGN KEY ("product_id") REFERENCES "inventory"."products"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "categories_parent_id_name_index" ON "inventory"."categories" USING btree ("parent_id","name");--> statement-breakpoint
CREATE INDEX "categories_path_index" ON "inventory"."categories" USING gin ("path");--> statement-breakpoint
CREATE INDEX "documents_document_index" ON "inventory"."documents" USING gin ("document");--> statement-breakpoint
CREATE INDEX "movements_at_id_index" ON "inventory"."movements" USING btree ("at","id");--> statement-breakpoint
CREATE INDEX "movements_variant_id_at_id_index" ON "inventory"."movements" USING btree ("variant_id","at","id");--> statement-breakpoint
CREATE INDEX "products_category_id_index" ON "inventory"."products" USING btree ("category_id");--> statement-breakpoint
CREATE INDEX "products_created_at_id_index" ON "inventory"."products" USING btree ("created_at","id");--> statement-breakpoint
CREATE INDEX "products_sold_recently_id_index" ON "inventory"."products" USING btree ("sold_recently","id");--> statement-breakpoint
CREATE INDEX "products_tags_index" ON "inventory"."products" USING gin ("tags");--> statement-breakpoint
CREATE INDEX "reservations_order_id_index" ON "inventory"."reservations" USING btree ("order_id") WHERE order_id is not null;--> statement-breakpoint
CREATE INDEX "reservations_expires_at_index" ON "inventory"."reservations" USING btree ("expires_at") WHERE status = 'HELD';--> statement-breakpoint
CREATE INDEX "reviews_product_id_created_at_id_index" ON "inventory"."reviews" USING btree ("product_id","created_at","id");--> statement-breakpoint
CREATE INDEX "reviews_author_id_created_at_id_index" ON "inventory"."reviews" USING btree ("author_id","created_at","id");--> statement-breakpoint
CREATE INDEX "variants_product_id_position_id_index" ON "inventory"."variants" USING btree ("product_id","position","id");--> statement-breakpoint
CREATE INDEX "words_word_index" ON "inventory"."words" USING gin ("word" gin_trgm_ops);