CREATE TABLE "orders"."return_lines" (
	"return_id" uuid NOT NULL,
	"order_line_id" uuid NOT NULL,
	"quantity" integer NOT NULL,
	"received_quantity" integer DEFAULT 0 NOT NULL,
	"refunded_quantity" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "return_lines_return_id_order_line_id_pk" PRIMARY KEY("return_id","order_line_id"),
	CONSTRAINT "return_lines_counted" CHECK (0 < "orders"."return_lines"."quantity" and "orders"."return_lines"."received_quantity" <= "orders"."return_lines"."quantity"
        and 0 <= "orders"."return_lines"."refunded_quantity" and "orders"."return_lines"."refunded_quantity" <= "orders"."return_lines"."received_quantity")
);
--> statement-breakpoint
CREATE TABLE "orders"."returns" (
	"id" uuid PRIMARY KEY NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"order_id" uuid NOT NULL,
	"status" text NOT NULL,
	"reason" text NOT NULL,
	"note" text,
	"decline_reason" text,
	"currency" char(3) NOT NULL,
	"refund_minor" bigint,
	CONSTRAINT "returns_refund" CHECK ("orders"."returns"."refund_minor" is null or "orders"."returns"."status" in ('RECEIVED', 'REFUNDED')),
	CONSTRAINT "returns_declined" CHECK (("orders"."returns"."status" = 'DECLINED') = ("orders"."returns"."decline_reason" is not null))
);
--> statement-breakpoint
ALTER TABLE "orders"."errands" ADD COLUMN "return_id" uuid;--> statement-breakpoint
ALTER TABLE "orders"."orders" ADD COLUMN "discounts" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "orders"."orders" ADD COLUMN "refunded_minor" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "orders"."return_lines" ADD CONSTRAINT "return_lines_return_id_returns_id_fk" FOREIGN KEY ("return_id") REFERENCES "orders"."returns"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "orders"."return_lines" ADD CONSTRAINT "return_lines_order_line_id_order_lines_id_fk" FOREIGN KEY ("order_line_id") REFERENCES "orders"."order_lines"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "orders"."returns" ADD CONSTRAINT "returns_order_id_orders_id_fk" FOREIGN KEY ("order_id") REFERENCES "orders"."orders"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "return_lines_order_line_id_index" ON "orders"."return_lines" USING btree ("order_line_id");--> statement-breakpoint
CREATE INDEX "returns_order_id_index" ON "orders"."returns" USING btree ("order_id");--> statement-breakpoint
CREATE INDEX "returns_created_at_id_index" ON "orders"."returns" USING btree ("created_at","id");--> statement-breakpoint
ALTER TABLE "orders"."errands" ADD CONSTRAINT "errands_return_id_returns_id_fk" FOREIGN KEY ("return_id") REFERENCES "orders"."returns"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "errands_one_receipt" ON "orders"."errands" USING btree ("return_id") WHERE kind = 'RECEIVE' and status in ('RUNNING', 'NEEDS_ATTENTION');--> statement-breakpoint
CREATE UNIQUE INDEX "errands_one_collection" ON "orders"."errands" USING btree ("order_id") WHERE kind = 'COLLECT' and status in ('RUNNING', 'NEEDS_ATTENTION');--> statement-breakpoint
CREATE INDEX "orders_closing" ON "orders"."orders" USING btree ("delivered_at") WHERE status in ('DELIVERED', 'PARTIALLY_RETURNED');--> statement-breakpoint
ALTER TABLE "orders"."errands" ADD CONSTRAINT "errands_return" CHECK (("orders"."errands"."kind" = 'RECEIVE') = ("orders"."errands"."return_id" is not null));