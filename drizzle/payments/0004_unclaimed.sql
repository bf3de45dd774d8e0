ALTER TABLE "payments"."payments" ADD COLUMN "unclaimed_at" timestamp (3) with time zone;--> statement-breakpoint
CREATE INDEX "payment_transactions_at_index" ON "payments"."payment_transactions" USING btree ("at");--> statement-breakpoint
CREATE INDEX "sandbox_operations_at_index" ON "payments"."sandbox_operations" USING btree ("at");