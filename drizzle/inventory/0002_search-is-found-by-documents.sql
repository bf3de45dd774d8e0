DROP INDEX "inventory"."products_created_at_id_index";--> statement-breakpoint
DROP INDEX "inventory"."products_sold_recently_id_index";--> statement-breakpoint
DROP INDEX "inventory"."words_word_index";--> statement-breakpoint
ALTER TABLE "inventory"."documents" ALTER COLUMN "brand" DROP DEFAULT;--> statement-breakpoint
ALTER TABLE "inventory"."documents" ALTER COLUMN "brand" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "inventory"."documents" ALTER COLUMN "document" DROP EXPRESSION;--> statement-breakpoint
ALTER TABLE "inventory"."documents" ADD COLUMN "status" text;--> statement-breakpoint
ALTER TABLE "inventory"."documents" ADD COLUMN "tags" text[];--> statement-breakpoint
UPDATE "inventory"."documents" d SET "status" = p."status", "brand" = p."brand", "tags" = p."tags", "words" = concat_ws(' ', d."name", nullif(d."brand", ''), d."words") FROM "inventory"."products" p WHERE p."id" = d."product_id";--> statement-breakpoint
ALTER TABLE "inventory"."documents" ALTER COLUMN "status" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "inventory"."documents" ALTER COLUMN "tags" SET NOT NULL;--> statement-breakpoint
CREATE INDEX "products_status_created_at_id_index" ON "inventory"."products" USING btree ("status","created_at","id");--> statement-breakpoint
CREATE INDEX "products_status_sold_recently_id_index" ON "inventory"."products" USING btree ("status","sold_recently","id");--> statement-breakpoint
CREATE INDEX "products_status_rating_average_id_index" ON "inventory"."products" USING btree ("status","rating_average","id");--> statement-breakpoint
CREATE INDEX "products_price_asc" ON "inventory"."products" USING btree ("status",coalesce(price_min_minor, 9007199254740991::bigint),"id");--> statement-breakpoint
CREATE INDEX "products_price_desc" ON "inventory"."products" USING btree ("status",coalesce(price_max_minor, (-1)::bigint),"id");--> statement-breakpoint
CREATE INDEX "products_brand_index" ON "inventory"."products" USING btree ("brand");--> statement-breakpoint
CREATE INDEX "words_beginning" ON "inventory"."words" USING btree ("word" text_pattern_ops);--> statement-breakpoint
CREATE INDEX "words_nearness" ON "inventory"."words" USING gist ("word" gist_trgm_ops);--> statement-breakpoint
ALTER TABLE "inventory"."documents" DROP COLUMN "name";--> statement-breakpoint
ALTER TABLE "inventory"."documents" DROP COLUMN "body";
