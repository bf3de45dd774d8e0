ALTER TABLE "payments"."claims" ALTER COLUMN "user_id" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "payments"."payments" drop column "status";--> statement-breakpoint
ALTER TABLE "payments"."payments" ADD COLUMN "status" text GENERATED ALWAYS AS (case
        when "authorization" <> 'SUCCEEDED' then "authorization"
        when captured_minor = 0 then case when released_minor > 0 then 'VOIDED' else 'AUTHORIZED' end
        when refunded_minor >= captured_minor then 'REFUNDED'
        when refunded_minor > 0 then 'PARTIALLY_REFUNDED'
        when captured_minor < authorized_minor then 'PARTIALLY_CAPTURED'
        else 'CAPTURED' end) STORED NOT NULL;--> statement-breakpoint
ALTER TABLE "payments"."payments" ADD COLUMN "sealed_action" text;--> statement-breakpoint
ALTER TABLE "payments"."sandbox_operations" ADD COLUMN "challenge" text;--> statement-breakpoint
CREATE INDEX "sandbox_operations_reference_index" ON "payments"."sandbox_operations" USING btree ("reference");--> statement-breakpoint
ALTER TABLE "payments"."sandbox_operations" ADD CONSTRAINT "sandbox_operations_challenge_unique" UNIQUE("challenge");--> statement-breakpoint
CREATE INDEX "payments_status_created_at_id_index" ON "payments"."payments" USING btree ("status","created_at","id");
