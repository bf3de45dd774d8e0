CREATE TABLE "payments"."postings" (
	"transaction_id" uuid NOT NULL,
	"account" text NOT NULL,
	"payment_id" uuid NOT NULL,
	"currency" char(3) NOT NULL,
	"amount_minor" bigint NOT NULL,
	CONSTRAINT "postings_transaction_id_account_pk" PRIMARY KEY("transaction_id","account"),
	CONSTRAINT "postings_account" CHECK (account in ('buyer', 'held', 'taken')),
	CONSTRAINT "postings_amount" CHECK (amount_minor <> 0)
);
--> statement-breakpoint
DROP INDEX "payments"."attempts_undo_key_index";--> statement-breakpoint
ALTER TABLE "payments"."postings" ADD CONSTRAINT "postings_transaction_id_payment_transactions_id_fk" FOREIGN KEY ("transaction_id") REFERENCES "payments"."payment_transactions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "postings_payment_id_index" ON "payments"."postings" USING btree ("payment_id");--> statement-breakpoint
CREATE INDEX "attempts_undo_key_index" ON "payments"."attempts" USING btree ("undo_key");--> statement-breakpoint
INSERT INTO "payments"."postings" ("transaction_id", "account", "payment_id", "currency", "amount_minor")
SELECT t."id", side."account", t."payment_id", t."currency", side."sign" * t."amount_minor"
FROM "payments"."payment_transactions" t
JOIN (VALUES
	('AUTHORIZE', 'buyer', -1), ('AUTHORIZE', 'held', 1),
	('CAPTURE', 'held', -1), ('CAPTURE', 'taken', 1),
	('VOID', 'held', -1), ('VOID', 'buyer', 1),
	('REFUND', 'taken', -1), ('REFUND', 'buyer', 1)
) AS side ("kind", "account", "sign") ON side."kind" = t."kind"
WHERE t."status" = 'SUCCEEDED';--> statement-breakpoint
CREATE FUNCTION "payments"."refuse_unbalanced"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (
		SELECT FROM payments.postings WHERE transaction_id = new.transaction_id GROUP BY currency HAVING sum(amount_minor) <> 0
	) THEN
		RAISE EXCEPTION 'The postings of % do not add up to nothing', new.transaction_id USING ERRCODE = 'check_violation', CONSTRAINT = 'postings_balanced';
	END IF;
	RETURN NULL;
END $$;--> statement-breakpoint
CREATE CONSTRAINT TRIGGER "postings_balanced" AFTER INSERT ON "payments"."postings"
	DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION "payments"."refuse_unbalanced"();--> statement-breakpoint
CREATE FUNCTION "payments"."refuse_change"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'What is posted stays' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'postings_stay';
END $$;--> statement-breakpoint
CREATE TRIGGER "postings_stay" BEFORE UPDATE OR DELETE OR TRUNCATE ON "payments"."postings"
	FOR EACH STATEMENT EXECUTE FUNCTION "payments"."refuse_change"();
