CREATE TABLE "delivery"."attempts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"shipment_id" uuid NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"outcome" text NOT NULL,
	"reason" text
);
--> statement-breakpoint
CREATE TABLE "delivery"."couriers" (
	"id" uuid PRIMARY KEY NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"user_id" uuid NOT NULL,
	"display_name" text NOT NULL,
	"vehicle" text,
	"is_on_duty" boolean DEFAULT false NOT NULL,
	"position" jsonb,
	CONSTRAINT "couriers_userId_unique" UNIQUE("user_id")
);
--> statement-breakpoint
CREATE TABLE "delivery"."idempotency_keys" (
	"scope" text NOT NULL,
	"key" text NOT NULL,
	"request_hash" text NOT NULL,
	"reply" jsonb NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "idempotency_keys_scope_key_pk" PRIMARY KEY("scope","key")
);
--> statement-breakpoint
CREATE TABLE "delivery"."inbox" (
	"reaction" text NOT NULL,
	"event_id" uuid NOT NULL,
	"handled_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "inbox_reaction_event_id_pk" PRIMARY KEY("reaction","event_id")
);
--> statement-breakpoint
CREATE TABLE "delivery"."positions" (
	"shipment_id" uuid NOT NULL,
	"sequence" integer NOT NULL,
	"latitude" double precision NOT NULL,
	"longitude" double precision NOT NULL,
	"heading_degrees" double precision,
	"speed_mps" double precision,
	"accuracy_meters" double precision,
	"recorded_at" timestamp (3) with time zone NOT NULL,
	"received_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "positions_shipment_id_sequence_pk" PRIMARY KEY("shipment_id","sequence")
);
--> statement-breakpoint
CREATE TABLE "delivery"."proofs" (
	"shipment_id" uuid PRIMARY KEY NOT NULL,
	"signed_by" text,
	"photo_urls" text[] NOT NULL,
	"point" jsonb,
	"at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "delivery"."shipment_lines" (
	"shipment_id" uuid NOT NULL,
	"order_line_id" uuid NOT NULL,
	"variant_id" uuid NOT NULL,
	"title" text NOT NULL,
	"quantity" integer NOT NULL,
	CONSTRAINT "shipment_lines_shipment_id_order_line_id_pk" PRIMARY KEY("shipment_id","order_line_id"),
	CONSTRAINT "shipment_lines_quantity" CHECK (quantity > 0)
);
--> statement-breakpoint
CREATE TABLE "delivery"."shipments" (
	"id" uuid PRIMARY KEY NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"owner_kind" text NOT NULL,
	"owner_id" uuid NOT NULL,
	"tracking_number" text NOT NULL,
	"order_id" uuid NOT NULL,
	"origin_id" uuid NOT NULL,
	"status" text NOT NULL,
	"courier_id" uuid,
	"destination" jsonb NOT NULL,
	"instructions" text,
	"promised_from" timestamp (3) with time zone NOT NULL,
	"promised_to" timestamp (3) with time zone NOT NULL,
	"last_sequence" integer DEFAULT 0 NOT NULL,
	"position" jsonb,
	"position_sequence" integer DEFAULT 0 NOT NULL,
	"eta" jsonb,
	"eta_sequence" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "shipments_trackingNumber_unique" UNIQUE("tracking_number"),
	CONSTRAINT "shipments_once" UNIQUE("order_id","origin_id")
);
--> statement-breakpoint
CREATE TABLE "delivery"."shipping_methods" (
	"id" uuid PRIMARY KEY NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"name" text NOT NULL,
	"zone_id" uuid NOT NULL,
	"base_price" bigint NOT NULL,
	"price_per_kg" bigint NOT NULL,
	"free_above" bigint,
	"currency" char(3) NOT NULL,
	"minimum_days" integer NOT NULL,
	"maximum_days" integer NOT NULL,
	"is_active" boolean DEFAULT true NOT NULL,
	CONSTRAINT "shipping_methods_zoneId_name_unique" UNIQUE("zone_id","name"),
	CONSTRAINT "shipping_methods_days" CHECK (0 <= minimum_days and minimum_days <= maximum_days)
);
--> statement-breakpoint
CREATE TABLE "delivery"."tracking_events" (
	"shipment_id" uuid NOT NULL,
	"sequence" integer NOT NULL,
	"status" text NOT NULL,
	"message" text NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "tracking_events_shipment_id_sequence_pk" PRIMARY KEY("shipment_id","sequence")
);
--> statement-breakpoint
CREATE TABLE "delivery"."tracking_links" (
	"id" uuid PRIMARY KEY NOT NULL,
	"shipment_id" uuid NOT NULL,
	"token_hash" text NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "delivery"."zones" (
	"id" uuid PRIMARY KEY NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"name" text NOT NULL,
	"countries" text[] NOT NULL,
	CONSTRAINT "zones_name_unique" UNIQUE("name")
);
--> statement-breakpoint
ALTER TABLE "delivery"."attempts" ADD CONSTRAINT "attempts_shipment_id_shipments_id_fk" FOREIGN KEY ("shipment_id") REFERENCES "delivery"."shipments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "delivery"."positions" ADD CONSTRAINT "positions_shipment_id_shipments_id_fk" FOREIGN KEY ("shipment_id") REFERENCES "delivery"."shipments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "delivery"."proofs" ADD CONSTRAINT "proofs_shipment_id_shipments_id_fk" FOREIGN KEY ("shipment_id") REFERENCES "delivery"."shipments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "delivery"."shipment_lines" ADD CONSTRAINT "shipment_lines_shipment_id_shipments_id_fk" FOREIGN KEY ("shipment_id") REFERENCES "delivery"."shipments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "delivery"."shipments" ADD CONSTRAINT "shipments_courier_id_couriers_id_fk" FOREIGN KEY ("courier_id") REFERENCES "delivery"."couriers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "delivery"."shipping_methods" ADD CONSTRAINT "shipping_methods_zone_id_zones_id_fk" FOREIGN KEY ("zone_id") REFERENCES "delivery"."zones"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "delivery"."tracking_events" ADD CONSTRAINT "tracking_events_shipment_id_shipments_id_fk" FOREIGN KEY ("shipment_id") REFERENCES "delivery"."shipments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "delivery"."tracking_links" ADD CONSTRAINT "tracking_links_shipment_id_shipments_id_fk" FOREIGN KEY ("shipment_id") REFERENCES "delivery"."shipments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "positions_shipment_id_recorded_at_index" ON "delivery"."positions" USING btree ("shipment_id","recorded_at");--> statement-breakpoint
CREATE INDEX "shipments_courier_id_index" ON "delivery"."shipments" USING btree ("courier_id") WHERE status in ('ASSIGNED', 'PICKED_UP', 'IN_TRANSIT', 'ARRIVING', 'ATTEMPT_FAILED');--> statement-breakpoint
CREATE INDEX "shipments_created_at_id_index" ON "delivery"."shipments" USING btree ("created_at","id");--> statement-breakpoint
CREATE INDEX "shipments_owner_kind_owner_id_index" ON "delivery"."shipments" USING btree ("owner_kind","owner_id");--> statement-breakpoint
CREATE UNIQUE INDEX "tracking_links_token_hash_index" ON "delivery"."tracking_links" USING btree ("token_hash");--> statement-breakpoint
CREATE INDEX "tracking_links_shipment_id_index" ON "delivery"."tracking_links" USING btree ("shipment_id");