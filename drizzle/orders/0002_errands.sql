CREATE TABLE "orders"."errands" (
	"id" uuid PRIMARY KEY NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"order_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"status" text NOT NULL,
	"actor_id" uuid,
	"data" jsonb NOT NULL,
	"step" integer DEFAULT 0 NOT NULL,
	"refusal" jsonb,
	"error" text,
	"lease_token" integer DEFAULT 1 NOT NULL,
	"lease_until" timestamp (3) with time zone,
	"setbacks" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "errands_lease" CHECK (("orders"."errands"."status" = 'RUNNING') = ("orders"."errands"."lease_until" is not null))
);
--> statement-breakpoint
ALTER TABLE "orders"."orders" ADD COLUMN "cancelled_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "orders"."orders" ADD COLUMN "cancel_reason" text;--> statement-breakpoint
ALTER TABLE "orders"."orders" ADD COLUMN "delivered_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "orders"."errands" ADD CONSTRAINT "errands_order_id_orders_id_fk" FOREIGN KEY ("order_id") REFERENCES "orders"."orders"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "errands_one_cancel" ON "orders"."errands" USING btree ("order_id") WHERE kind = 'CANCEL' and status <> 'REFUSED';--> statement-breakpoint
CREATE INDEX "errands_due" ON "orders"."errands" USING btree ("lease_until") WHERE status = 'RUNNING';--> statement-breakpoint
CREATE INDEX "errands_attention" ON "orders"."errands" USING btree ("created_at") WHERE status = 'NEEDS_ATTENTION';--> statement-breakpoint
CREATE INDEX "errands_order_id_index" ON "orders"."errands" USING btree ("order_id");--> statement-breakpoint
ALTER TABLE "orders"."orders" ADD CONSTRAINT "orders_cancelled" CHECK (("orders"."orders"."status" = 'CANCELLED') = ("orders"."orders"."cancelled_at" is not null) and ("orders"."orders"."cancelled_at" is null) = ("orders"."orders"."cancel_reason" is null));