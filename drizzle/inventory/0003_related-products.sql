DROP INDEX "inventory"."products_category_id_index";--> statement-breakpoint
DROP INDEX "inventory"."products_brand_index";--> statement-breakpoint
CREATE INDEX "documents_brand_index" ON "inventory"."documents" USING btree ("brand");--> statement-breakpoint
CREATE INDEX "products_category_id_status_sold_recently_id_index" ON "inventory"."products" USING btree ("category_id","status","sold_recently","id");--> statement-breakpoint
CREATE INDEX "products_brand_status_sold_recently_id_index" ON "inventory"."products" USING btree ("brand","status","sold_recently","id");