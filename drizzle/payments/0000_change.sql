CREATE TABLE "payments"."attempts" (
	"checkout_id" uuid NOT NULL,
	"attempt" integer NOT NULL,
	"undone_at" timestamp (3) with time zone,
	"undo_key" text,
	"undo_reason" text,
	CONSTRAINT "attempts_checkout_id_attempt_pk" PRIMARY KEY("checkout_id","attempt")
);
--> statement-breakpoint
CREATE TABLE "payments"."claims" (
	"guest_id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL
);
--> statement-breakpoint
CREATE TABLE "payments"."payment_methods" (
	"id" uuid PRIMARY KEY NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"user_id" uuid NOT NULL,
	"encrypted_token" text,
	"source_hash" text NOT NULL,
	"brand" text,
	"last4" text NOT NULL,
	"expiry_month" integer NOT NULL,
	"expiry_year" integer NOT NULL,
	"holder_name" text,
	"fingerprint" text NOT NULL,
	"is_default" boolean NOT NULL,
	"deleted_at" timestamp (3) with time zone,
	CONSTRAINT "payment_methods_deleted" CHECK (deleted_at is null or (encrypted_token is null and not is_default)),
	CONSTRAINT "payment_methods_last4" CHECK (last4 ~ '^[0-9]{4}$')
);
--> statement-breakpoint
CREATE TABLE "payments"."payment_transactions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"payment_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"status" text NOT NULL,
	"currency" char(3) NOT NULL,
	"amount_minor" bigint NOT NULL,
	"asked_by" text NOT NULL,
	"idempotency_key" text NOT NULL,
	"request_hash" text NOT NULL,
	"provider_reference" text,
	"error_code" text,
	"reason" text,
	"at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "payment_transactions_amount" CHECK (amount_minor > 0)
);
--> statement-breakpoint
CREATE TABLE "payments"."payments" (
	"id" uuid PRIMARY KEY NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"owner_kind" text NOT NULL,
	"owner_id" uuid NOT NULL,
	"checkout_id" uuid,
	"attempt" integer,
	"order_id" uuid,
	"is_ordered" boolean DEFAULT false NOT NULL,
	"method_id" uuid,
	"provider" text NOT NULL,
	"provider_reference" text,
	"authorization" text NOT NULL,
	"status" text NOT NULL,
	"currency" char(3) NOT NULL,
	"amount_minor" bigint NOT NULL,
	"authorizing_minor" bigint DEFAULT 0 NOT NULL,
	"authorized_minor" bigint DEFAULT 0 NOT NULL,
	"capturing_minor" bigint DEFAULT 0 NOT NULL,
	"captured_minor" bigint DEFAULT 0 NOT NULL,
	"releasing_minor" bigint DEFAULT 0 NOT NULL,
	"released_minor" bigint DEFAULT 0 NOT NULL,
	"refunding_minor" bigint DEFAULT 0 NOT NULL,
	"refunded_minor" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "payments_owner" CHECK (owner_kind in ('guest', 'user')),
	CONSTRAINT "payments_amount" CHECK (amount_minor > 0),
	CONSTRAINT "payments_none_negative" CHECK (least(authorizing_minor, authorized_minor, capturing_minor, captured_minor,
      releasing_minor, released_minor, refunding_minor, refunded_minor) >= 0),
	CONSTRAINT "payments_authorized" CHECK (authorized_minor + authorizing_minor <= amount_minor),
	CONSTRAINT "payments_captured" CHECK (captured_minor + capturing_minor + released_minor + releasing_minor <= authorized_minor),
	CONSTRAINT "payments_refunded" CHECK (refunded_minor + refunding_minor <= captured_minor)
);
--> statement-breakpoint
CREATE TABLE "payments"."sandbox_authorizations" (
	"reference" text PRIMARY KEY NOT NULL,
	"behaviour" text NOT NULL,
	"currency" char(3) NOT NULL,
	"amount_minor" bigint NOT NULL,
	"captured_minor" bigint DEFAULT 0 NOT NULL,
	"released_minor" bigint DEFAULT 0 NOT NULL,
	"refunded_minor" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "sandbox_authorizations_captured" CHECK (captured_minor + released_minor <= amount_minor),
	CONSTRAINT "sandbox_authorizations_refunded" CHECK (refunded_minor <= captured_minor)
);
--> statement-breakpoint
CREATE TABLE "payments"."sandbox_faults" (
	"id" uuid PRIMARY KEY NOT NULL,
	"operation" text NOT NULL,
	"fault" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "payments"."sandbox_operations" (
	"key" text PRIMARY KEY NOT NULL,
	"operation" text NOT NULL,
	"status" text NOT NULL,
	"reference" text,
	"code" text,
	"currency" char(3),
	"amount_minor" bigint,
	"at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "payments"."sandbox_tokens" (
	"hash" text PRIMARY KEY NOT NULL,
	"behaviour" text NOT NULL,
	"brand" text,
	"last4" text NOT NULL,
	"expiry_month" integer NOT NULL,
	"expiry_year" integer NOT NULL,
	"holder_name" text,
	"fingerprint" text NOT NULL,
	"expires_at" timestamp (3) with time zone,
	"used_by" text
);
--> statement-breakpoint
ALTER TABLE "payments"."payment_transactions" ADD CONSTRAINT "payment_transactions_payment_id_payments_id_fk" FOREIGN KEY ("payment_id") REFERENCES "payments"."payments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payments"."payments" ADD CONSTRAINT "payments_method_id_payment_methods_id_fk" FOREIGN KEY ("method_id") REFERENCES "payments"."payment_methods"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "attempts_undo_key_index" ON "payments"."attempts" USING btree ("undo_key");--> statement-breakpoint
CREATE INDEX "payment_methods_user_id_index" ON "payments"."payment_methods" USING btree ("user_id");--> statement-breakpoint
CREATE UNIQUE INDEX "payment_methods_source_hash_index" ON "payments"."payment_methods" USING btree ("source_hash");--> statement-breakpoint
CREATE UNIQUE INDEX "payment_methods_one_default" ON "payments"."payment_methods" USING btree ("user_id") WHERE is_default;--> statement-breakpoint
CREATE UNIQUE INDEX "payment_transactions_asked_by_idempotency_key_index" ON "payments"."payment_transactions" USING btree ("asked_by","idempotency_key");--> statement-breakpoint
CREATE INDEX "payment_transactions_payment_id_at_index" ON "payments"."payment_transactions" USING btree ("payment_id","at");--> statement-breakpoint
CREATE INDEX "payment_transactions_unsettled" ON "payments"."payment_transactions" USING btree ("at") WHERE status in ('PENDING', 'UNKNOWN') or error_code = 'not_received';--> statement-breakpoint
CREATE UNIQUE INDEX "payments_checkout_id_attempt_index" ON "payments"."payments" USING btree ("checkout_id","attempt");--> statement-breakpoint
CREATE INDEX "payments_order_id_index" ON "payments"."payments" USING btree ("order_id");--> statement-breakpoint
CREATE INDEX "payments_owner_id_index" ON "payments"."payments" USING btree ("owner_id");--> statement-breakpoint
CREATE INDEX "payments_created_at_id_index" ON "payments"."payments" USING btree ("created_at","id");--> statement-breakpoint
CREATE INDEX "payments_status_created_at_id_index" ON "payments"."payments" USING btree ("status","created_at","id");