CREATE SEQUENCE "support"."ticket_numbers" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 2041 CACHE 1;--> statement-breakpoint
CREATE TABLE "support"."idempotency_keys" (
	"scope" text NOT NULL,
	"key" text NOT NULL,
	"request_hash" text NOT NULL,
	"reply" jsonb NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "idempotency_keys_scope_key_pk" PRIMARY KEY("scope","key")
);
--> statement-breakpoint
CREATE TABLE "support"."messages" (
	"id" uuid PRIMARY KEY NOT NULL,
	"ticket_id" uuid NOT NULL,
	"sequence" integer NOT NULL,
	"client_message_id" text,
	"kind" text NOT NULL,
	"author_id" uuid,
	"body" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"edited_at" timestamp (3) with time zone,
	CONSTRAINT "messages_ticketId_sequence_unique" UNIQUE("ticket_id","sequence"),
	CONSTRAINT "messages_once" UNIQUE("ticket_id","author_id","client_message_id")
);
--> statement-breakpoint
CREATE TABLE "support"."participants" (
	"ticket_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"last_read_sequence" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "participants_ticket_id_user_id_pk" PRIMARY KEY("ticket_id","user_id")
);
--> statement-breakpoint
CREATE TABLE "support"."ticket_events" (
	"ticket_id" uuid NOT NULL,
	"sequence" integer NOT NULL,
	"kind" text NOT NULL,
	"message_id" uuid,
	"is_internal" boolean DEFAULT false NOT NULL,
	CONSTRAINT "ticket_events_ticket_id_sequence_pk" PRIMARY KEY("ticket_id","sequence")
);
--> statement-breakpoint
CREATE TABLE "support"."tickets" (
	"id" uuid PRIMARY KEY NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"number" text NOT NULL,
	"subject" text NOT NULL,
	"status" text NOT NULL,
	"priority" text NOT NULL,
	"requester_id" uuid NOT NULL,
	"assignee_id" uuid,
	"order_id" uuid,
	"product_id" uuid,
	"labels" text[] DEFAULT '{}' NOT NULL,
	"last_sequence" integer DEFAULT 0 NOT NULL,
	"first_reply_at" timestamp (3) with time zone,
	"waiting_since" timestamp (3) with time zone,
	"queue_place" timestamp (3) with time zone GENERATED ALWAYS AS (coalesce(waiting_since, '9999-01-01T00:00:00Z'::timestamptz)) STORED,
	"rating_score" integer,
	"rating_comment" text,
	CONSTRAINT "tickets_number_unique" UNIQUE("number"),
	CONSTRAINT "tickets_rating" CHECK ("support"."tickets"."rating_score" between 1 and 5)
);
--> statement-breakpoint
ALTER TABLE "support"."messages" ADD CONSTRAINT "messages_ticket_id_tickets_id_fk" FOREIGN KEY ("ticket_id") REFERENCES "support"."tickets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "support"."participants" ADD CONSTRAINT "participants_ticket_id_tickets_id_fk" FOREIGN KEY ("ticket_id") REFERENCES "support"."tickets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "support"."ticket_events" ADD CONSTRAINT "ticket_events_ticket_id_tickets_id_fk" FOREIGN KEY ("ticket_id") REFERENCES "support"."tickets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "support"."ticket_events" ADD CONSTRAINT "ticket_events_message_id_messages_id_fk" FOREIGN KEY ("message_id") REFERENCES "support"."messages"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "tickets_requester_id_updated_at_id_index" ON "support"."tickets" USING btree ("requester_id","updated_at","id");--> statement-breakpoint
CREATE INDEX "tickets_queue_place_id_index" ON "support"."tickets" USING btree ("queue_place","id");--> statement-breakpoint
CREATE INDEX "tickets_order_id_index" ON "support"."tickets" USING btree ("order_id") WHERE order_id is not null;