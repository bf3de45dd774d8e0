ALTER TABLE "inventory"."documents" DROP CONSTRAINT "documents_product_id_products_id_fk";
--> statement-breakpoint
ALTER TABLE "inventory"."movements" DROP CONSTRAINT "movements_variant_id_variants_id_fk";
--> statement-breakpoint
ALTER TABLE "inventory"."reviews" DROP CONSTRAINT "reviews_product_id_products_id_fk";
--> statement-breakpoint
ALTER TABLE "inventory"."stock_levels" DROP CONSTRAINT "stock_levels_variant_id_variants_id_fk";
--> statement-breakpoint
ALTER TABLE "inventory"."variants" DROP CONSTRAINT "variants_product_id_products_id_fk";
--> statement-breakpoint
ALTER TABLE "inventory"."documents" ADD COLUMN "brand" text DEFAULT '' NOT NULL;--> statement-breakpoint
UPDATE "inventory"."documents" d SET "brand" = lower(unaccent(p."brand")) FROM "inventory"."products" p WHERE p."id" = d."product_id" AND p."brand" IS NOT NULL;--> statement-breakpoint
ALTER TABLE "inventory"."documents" drop column "document";--> statement-breakpoint
ALTER TABLE "inventory"."documents" ADD COLUMN "document" "tsvector" GENERATED ALWAYS AS (setweight(to_tsvector('english', name), 'A') || setweight(to_tsvector('english', brand), 'B') || setweight(to_tsvector('english', words), 'C') || setweight(to_tsvector('english', body), 'D')) STORED NOT NULL;--> statement-breakpoint
CREATE INDEX "documents_document_index" ON "inventory"."documents" USING gin ("document");--> statement-breakpoint
ALTER TABLE "inventory"."documents" ADD CONSTRAINT "documents_product_id_products_id_fk" FOREIGN KEY ("product_id") REFERENCES "inventory"."products"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "inventory"."movements" ADD CONSTRAINT "movements_variant_id_variants_id_fk" FOREIGN KEY ("variant_id") REFERENCES "inventory"."variants"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "inventory"."reviews" ADD CONSTRAINT "reviews_product_id_products_id_fk" FOREIGN KEY ("product_id") REFERENCES "inventory"."products"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "inventory"."stock_levels" ADD CONSTRAINT "stock_levels_variant_id_variants_id_fk" FOREIGN KEY ("variant_id") REFERENCES "inventory"."variants"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "inventory"."variants" ADD CONSTRAINT "variants_product_id_products_id_fk" FOREIGN KEY ("product_id") REFERENCES "inventory"."products"("id") ON DELETE cascade ON UPDATE no action;