ALTER TABLE "orders"."checkouts" ADD COLUMN "action_until" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "orders"."checkouts" ADD COLUMN "is_payment_resolved" boolean DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX "checkouts_awaiting" ON "orders"."checkouts" USING btree ("action_until") WHERE status = 'AWAITING_PAYMENT_ACTION';--> statement-breakpoint
CREATE INDEX "checkouts_attention" ON "orders"."checkouts" USING btree ("created_at","id") WHERE status = 'NEEDS_ATTENTION';--> statement-breakpoint
ALTER TABLE "orders"."checkouts" ADD CONSTRAINT "checkouts_awaiting" CHECK ("orders"."checkouts"."status" <> 'AWAITING_PAYMENT_ACTION' or ("orders"."checkouts"."action_until" is not null and "orders"."checkouts"."lease_until" is null));