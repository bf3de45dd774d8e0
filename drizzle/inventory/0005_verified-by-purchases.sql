CREATE TABLE "inventory"."guest_items" (
	"order_line_id" uuid PRIMARY KEY NOT NULL,
	"guest_id" uuid NOT NULL,
	"order_id" uuid NOT NULL,
	"product_id" uuid NOT NULL,
	"variant_id" uuid NOT NULL,
	"acquired_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "inventory"."guests" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid
);
--> statement-breakpoint
CREATE INDEX "guest_items_guest_id_index" ON "inventory"."guest_items" USING btree ("guest_id");--> statement-breakpoint
INSERT INTO "inventory"."purchases" ("user_id", "product_id")
SELECT "author_id", "product_id" FROM "inventory"."reviews" WHERE "is_verified_purchase" ON CONFLICT DO NOTHING;--> statement-breakpoint
ALTER TABLE "inventory"."reviews" DROP COLUMN "is_verified_purchase";