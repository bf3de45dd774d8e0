CREATE TABLE "delivery"."order_fences" (
	"order_id" uuid PRIMARY KEY NOT NULL,
	"called_off_at" timestamp (3) with time zone
);
--> statement-breakpoint
ALTER TABLE "delivery"."shipments" ADD COLUMN "leaving_at" timestamp (3) with time zone;