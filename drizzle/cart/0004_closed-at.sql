ALTER TABLE "cart"."carts" ADD COLUMN "closed_at" timestamp (3) with time zone;--> statement-breakpoint
UPDATE "cart"."carts" SET "closed_at" = "updated_at" WHERE "status" IN ('CONVERTED', 'MERGED', 'ABANDONED');--> statement-breakpoint
CREATE INDEX "carts_closed_at_index" ON "cart"."carts" USING btree ("closed_at");--> statement-breakpoint
ALTER TABLE "cart"."carts" ADD CONSTRAINT "carts_closed" CHECK ((status in ('CONVERTED', 'MERGED', 'ABANDONED')) = (closed_at is not null));